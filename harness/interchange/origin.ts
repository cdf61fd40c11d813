/** What an export says of the recording that it was made from, so that an import can give it back. */
import { z } from 'zod';
import type { Recording } from '../recording/format.ts';
import { recordingSchema } from '../recording/format.ts';
import { InterchangeError } from './source.ts';

export const originSchema = recordingSchema
  .pick({ format: true, id: true, service: true, scenario: true, participants: true, clock: true })
  // Left out where a format has no room for it.
  .extend({
    vendor: recordingSchema.shape.vendor.optional(),
    places: recordingSchema.shape.places.default([]),
    /** How many session descriptions there were, of captures of calls of which all were seen. */
    descriptions: z.number().int().nonnegative().optional(),
  });
/** The part of `recording.json` that an export carries. */
export type Origin = z.infer<typeof originSchema>;

export function originOf(recording: Recording): Origin {
  const { format, id, service, vendor, scenario, participants, clock, places } = recording;
  return { format, id, service, vendor, scenario, participants, clock, places };
}

/** Undefined for what is no such description. */
export function readOrigin(value: unknown): Origin | undefined {
  const parsed = originSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

/**
 * What an export says of one participant's packets, for people and for {@link recordingIn}. It stands at each interface, since
 * programs that put captures together keep the descriptions of interfaces, but not of sections.
 */
export function describePackets(participant: string, { id }: Pick<Recording, 'id'>): string {
  return `what participant ${participant} sent and received; ${MADE}${id}`;
}

/** The id of the recording that a description made by {@link describePackets} names; undefined where it names none. */
export function recordingIn(description: string): string | undefined {
  const at = description.lastIndexOf(MADE);
  return at < 0 ? undefined : description.slice(at + MADE.length);
}

const MADE = 'made by keywitness from recording ';

/** One participant's packets would pass for another's. @throws InterchangeError where there is more than one id */
export function expectOneRecording(ids: Iterable<string>, what: string): void {
  const all = [...new Set(ids)];
  if (all.length > 1)
    throw new InterchangeError(`${what} exports of ${all.length} recordings, ${all.join(' and ')}; expected one`);
}

/** Microseconds since 1970 of a time of the recording. */
export function microseconds({ clock }: Pick<Recording, 'clock'>, t: number): number {
  return Date.parse(clock.origin) * 1000 + Math.round(t * 1000);
}
