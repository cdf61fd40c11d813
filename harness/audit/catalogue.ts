/** What can be judged and tried: claims and schemes, each found by its file. */
import { readdirSync } from 'node:fs';
import type { Scheme } from '../ciphers/scheme.ts';
import type { Claim } from '../claims/claim.ts';

/** The claims of the catalogue, by id. */
export async function claims(): Promise<Map<string, Claim>> {
  const all = await exported<Claim, 'claim'>(new URL('../claims/', import.meta.url), 'claim');
  return new Map(all.map((claim) => [claim.id, claim]));
}

/** The known schemes, in order of their names. */
export function schemes(): Promise<Scheme[]> {
  return exported<Scheme, 'scheme'>(new URL('../ciphers/schemes/', import.meta.url), 'scheme');
}

/** What the modules of a folder export under `name`; modules that don't are helpers. */
async function exported<T, Name extends string>(folder: URL, name: Name): Promise<T[]> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const modules: Partial<Record<Name, T>>[] = await Promise.all(
    files.sort().map((file) => import(new URL(file, folder).href)),
  );
  return modules.flatMap((module) => module[name] ?? []);
}
