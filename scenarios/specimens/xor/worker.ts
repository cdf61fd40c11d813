/** Combines frames with the key by exclusive or, again and again. */
import { serveFrames } from '../base/client/transform.ts';
import { takeKeys } from '../base/client/worker-keys.ts';

const keysOf = takeKeys((key) => key as Uint8Array);

serveFrames(async (_header, rest, { participant }) => {
  const [key] = await keysOf(participant);
  return key && rest.map((byte, index) => byte ^ key[index % key.length]!);
});
