import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SAMPLES } from './fixtures/samples.ts';
import { jsonSchema } from './schema.ts';

const published = JSON.parse(readFileSync(new URL('../../docs/recording.schema.json', import.meta.url), 'utf8'));

describe('docs/recording.schema.json', () => {
  it('is up to date', () => {
    expect(published, 'regenerate it: node --import tsx tools/schema.ts').toEqual(jsonSchema());
  });

  it('names every event type, and lets no other member in', () => {
    const types = published.$defs.event.anyOf;
    expect(
      types.map((event: { properties: { type: { const: string } } }) => event.properties.type.const).sort(),
    ).toEqual(Object.keys(SAMPLES).sort());
    for (const event of types) expect(event.additionalProperties).toBe(false);
  });

  it('says what a body points to', () => {
    const random = published.$defs.event.anyOf.find(
      (event: { properties: { type: { const: string } } }) => event.properties.type.const === 'crypto.random',
    );
    expect(random.required).toEqual(['seq', 't', 'participant', 'vantage', 'type', 'realm', 'value']);
    expect(random.properties.value).toMatchObject({
      required: ['offset', 'length', 'sha256'],
      properties: { offset: { type: 'integer', minimum: 0 }, sha256: { pattern: '^[0-9a-f]{64}$' } },
    });
  });
});
