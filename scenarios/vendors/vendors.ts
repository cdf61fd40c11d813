/** Vendor profiles: what a vendor says, quoted, and the testable claims that it comes to. One YAML file a vendor. */
import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { type VendorProfile, vendorSchema } from '../../harness/recording/format.ts';

/**
 * Reads a profile. Throws an Error of one line that names the file, the line and the field: `acme.yaml:7: statements.0.date: ...`.
 */
export function readVendor(path: string): VendorProfile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const complain = (offset: number | undefined, message: string): never => {
    const line = offset === undefined ? '' : `:${lines.linePos(offset).line}`;
    throw new Error(`${path}${line}: ${message.replace(/\s+/g, ' ')}`);
  };
  const flaw = document.errors[0];
  if (flaw) complain(flaw.pos[0], flaw.message);
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // Aliases that multiply beyond all measure.
    complain(undefined, (error as Error).message);
  }
  const profile = vendorSchema.safeParse(value);
  if (profile.success) return profile.data;
  const { path: place, message } = profile.error.issues[0]!;
  // A field that is missing has no place of its own: the nearest thing around it that has one.
  let offset: number | undefined;
  for (let depth = place.length; depth >= 0 && offset === undefined; depth--) {
    const node = document.getIn(place.slice(0, depth), true) as { range?: [number, number, number] } | undefined;
    offset = node?.range?.[0];
  }
  return complain(offset, [place.join('.'), message].filter(Boolean).join(': '));
}
