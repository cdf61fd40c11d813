/**
 * What a conferencing service is to keywitness: something that can be started (or is there already), joined by a
 * participant's page, and left. One service is one file that exports `service`.
 */
import type { Page } from 'playwright';
import type { VendorProfile } from '../recording/format.ts';

/** What a participant brings to a meeting. */
export interface Visit {
  /** The meeting's name, the same for all participants: lower-case letters and digits. */
  meeting: string;
  /** The participant's name: lower-case letters. */
  participant: string;
  /** A random word, the same for all participants; for links that carry a passphrase. */
  secret: string;
}

export interface Service {
  /** As on the command line: `specimen/sealed`, `janus/videoroom`. */
  name: string;
  /** For people: one line. */
  title: string;
  /** What its vendor says of it. */
  vendor: VendorProfile;
  /** Where its hosts are, as it declares them: host to ISO 3166 country code and city. */
  places?: Record<string, { country: string; city?: string }>;
  /** The course of its calls unless another is asked for: a name of `keywitness list scenarios`; `two-party` where absent. */
  scenario?: string;
  /** ms from the start within which its calls connect, for services that take long to join: 25,000 where absent. */
  connectWithin?: number;
  /** Starts what has to run; throws an Error with one clear line where that can't be. */
  start(): Promise<RunningService>;
}

export interface RunningService {
  /** Where its pages are, for people. */
  origin?: string;
  /** Names that the proxies resolve themselves, to loopback addresses; for services that run here under names of their own. */
  hosts?: Record<string, string>;
  /** PEM certificates that the proxies trust upstream beside the system's. */
  trust?: string[];
  /** What participants may reach: only this machine, or anything. */
  reach: 'loopback' | 'anywhere';
  /** Takes the page from blank to in the meeting. Resolves once the page has joined; rejects when it can't. */
  join(page: Page, visit: Visit): Promise<void>;
  /**
   * Secrets that participants share by other ways than the provider, e.g. in a link's fragment; the recording notes them.
   * None where absent.
   */
  shares?(visit: Visit): string[];
  /** Leaves in good order, as a person would. */
  leave(page: Page): Promise<void>;
  /** Ends all that `start` began. */
  stop(): Promise<void>;
}
