/** What a file comes to, whatever its format: events in order of time, and what it says of itself. */
import type { NewEvent, Vantage } from '../recording/format.ts';
import type { Origin } from './origin.ts';

/** An event, and when it was: microseconds since 1970. */
export interface Timed {
  time: number;
  event: NewEvent;
}

/** Whether it is a status of HTTP: three digits (RFC 9110, 15). */
export function isStatus(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 100 && (value as number) <= 999;
}

export interface Imported {
  /** The recording that the file was exported from by keywitness. */
  origin?: Origin;
  /** In order of time, but for what a capture itself has out of order. */
  events: Iterable<Timed>;
  /** Whose events these are. */
  participants: string[];
  vantages: { vantage: Vantage; participant: string; detail: string }[];
}
