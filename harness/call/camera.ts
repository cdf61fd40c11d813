/** Files for a participant's camera and microphone; the browser repeats both from their start when they end. */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { cardY4m } from '../media/test-card.ts';
import { toneWav } from '../media/test-tone.ts';

/** Writes the test card and tone that say `card`; without a number, nothing: the browser then shows its own test picture. */
export function writeMedia(
  folder: string,
  name: string,
  card: number | undefined,
): { camera?: string; microphone?: string } {
  if (card === undefined) return {};
  const camera = join(folder, `${name}.y4m`);
  const microphone = join(folder, `${name}.wav`);
  const file = openSync(camera, 'wx', 0o600);
  for (const piece of cardY4m(card)) writeSync(file, piece);
  closeSync(file);
  writeFileSync(microphone, toneWav(card), { mode: 0o600 });
  return { camera, microphone };
}
