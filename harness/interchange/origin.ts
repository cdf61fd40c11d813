/** What an export says of the recording that it was made from, so that an import can give it back. */
import type { z } from 'zod';
import type { Recording } from '../recording/format.ts';
import { recordingSchema } from '../recording/format.ts';

export const originSchema = recordingSchema
  .pick({ format: true, id: true, service: true, scenario: true, participants: true, clock: true })
  // Left out where a format has no room for it.
  .extend({ vendor: recordingSchema.shape.vendor.optional(), places: recordingSchema.shape.places.default([]) });
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

/** Microseconds since 1970 of a time of the recording. */
export function microseconds({ clock }: Pick<Recording, 'clock'>, t: number): number {
  return Date.parse(clock.origin) * 1000 + Math.round(t * 1000);
}
