/** Writes the JSON Schema of the recording format, docs/recording.schema.json; run it after a change of the format. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { jsonSchema } from '../harness/recording/schema.ts';

const file = fileURLToPath(new URL('../docs/recording.schema.json', import.meta.url));
const biome = fileURLToPath(new URL('../node_modules/.bin/biome', import.meta.url));
writeFileSync(file, `${JSON.stringify(jsonSchema(), null, 2)}\n`);
const { status } = spawnSync(biome, ['format', '--write', file], { stdio: 'inherit' });
process.exitCode = status ?? 1;
