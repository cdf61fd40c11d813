/**
 * Raw DEFLATE (RFC 1951), which nothing in its bytes gives away: only where its place says so, as with WebSocket messages under
 * permessage-deflate (RFC 7692), each compressed by itself.
 */
import type { Encoding } from './encoding.ts';
import { inflated } from './inflated.ts';

/** What the sender left out at the end (RFC 7692, 7.2.2). */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

export const encoding: Encoding = {
  id: 'deflate',
  needs: '',
  runs: () => [],
  decode: (run, budget) => inflated(Buffer.concat([run, TAIL]), 'deflate', budget, true),
};
