import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readUpperPdu, writeUpperPdu } from './exported-pdu.ts';

const octet = fc.nat(255);
const end = fc.record({ address: fc.tuple(octet, octet, octet, octet), port: fc.nat(65_535) });

it('reads what it writes', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('rtp' as const, 'rtcp' as const, 'sdp' as const, 'http' as const, 'websocket' as const),
      end,
      end,
      fc.uint8Array(),
      (dissector, source, destination, payload) => {
        const pdu = writeUpperPdu({ dissector, transport: 'udp', source, destination, payload });
        const read = readUpperPdu(pdu);
        expect(read?.dissector).toBe(dissector);
        expect(Buffer.from(read!.payload)).toEqual(Buffer.from(payload));
      },
    ),
  );
});

it('takes what is none for none, and never throws', () => {
  expect(readUpperPdu(Buffer.alloc(4))).toBeUndefined();
  expect(readUpperPdu(Buffer.from([0, 12, 0xff, 0xff, 1]))).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => void readUpperPdu(bytes)),
    { numRuns: 1000 },
  );
});
