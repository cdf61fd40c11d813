import { expect, test } from 'vitest';
import { MediaStreamTrack, RTCPeerConnection } from 'werift';
import { Middle } from './middle.ts';

const OWN = `sha-256 ${Array.from({ length: 32 }, () => 'AA').join(':')}`;
/** werift has one certificate for all connections of a process; the participants' are to be others. */
const asOthers = (sdp: string) => sdp.replace(/^a=fingerprint:.+?\r?$/gm, `a=fingerprint:${OWN}\r`);

const media = (sdp: string) => [...sdp.matchAll(/^m=(\w+)/gm)].map(([, kind]) => kind);
const addresses = (sdp: string) =>
  new Set([...sdp.matchAll(/^a=candidate:(?:\S+ ){4}(\S+)/gm)].map(([, address]) => address));

test('either side gets a description of the middle, with its certificate and its address', async () => {
  const sides = ['caller', 'callee'].map(() => new RTCPeerConnection({ iceServers: [], iceLite: true }));
  const [caller, callee] = [sides[0]!, sides[1]!];
  const middle = new Middle();
  try {
    for (const kind of ['video', 'audio'] as const) caller.addTransceiver(new MediaStreamTrack({ kind }));
    await caller.setLocalDescription(await caller.createOffer());
    const offered = await middle.offer(asOthers(caller.localDescription!.sdp));
    await callee.setRemoteDescription({ type: 'offer', sdp: offered });
    await callee.setLocalDescription(await callee.createAnswer());
    const answered = await middle.answer(asOthers(callee.localDescription!.sdp));
    for (const sdp of [offered, answered]) {
      expect(media(sdp)).toEqual(['video', 'audio']);
      expect(addresses(sdp)).toEqual(new Set(['127.0.0.1']));
      expect(sdp).toMatch(/^a=fingerprint:sha-256 /m);
      expect(sdp).not.toContain(OWN);
    }
  } finally {
    for (const side of sides) await side.close();
    await middle.close();
  }
});
