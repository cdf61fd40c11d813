/** The course of a call: who joins, waits, leaves, when. One scenario is one file in `scenarios/` that exports `scenario`. */
import type { Call } from './call.ts';

export interface Scenario {
  /** As on the command line. */
  name: string;
  /** For people: one line. */
  title: string;
  participants: readonly Casting[];
  /** Drives the call; it has ended when this resolves. */
  run(call: Call): Promise<void>;
}

export interface Casting {
  /** Lower-case letters. */
  name: string;
  /** Whether the camera shows the test card and the microphone plays the test tone; otherwise black and silence. */
  media?: boolean;
}
