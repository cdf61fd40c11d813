/** The published JSON Schema (2020-12) of recording format 1, generated from `format.ts`. */
import { z } from 'zod';
import { eventSchema, FORMAT, recordingSchema } from './format.ts';

/** One document: `recording.json` is `$defs.recording`, a line of `events.jsonl` is `$defs.event`. */
export function jsonSchema(): object {
  const define = (schema: z.ZodType) => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' });
    return rest;
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `keywitness recording, format ${FORMAT}`,
    $defs: { recording: define(recordingSchema), event: define(eventSchema) },
    anyOf: [{ $ref: '#/$defs/recording' }, { $ref: '#/$defs/event' }],
  };
}
