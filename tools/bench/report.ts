/** One figure of a benchmark: a ratio within one run, and the numbers that it is of. */
export interface Line {
  what: string;
  ratio: number;
  detail: string;
  /** What is aimed at; empty where nothing is. */
  aim: string;
}

export type Report = (line: Line) => void;
