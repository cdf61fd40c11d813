import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeFrame, type Frame, FrameDecoder } from './frames.ts';

it('gives back all frames in order, however the pipe cuts them', () => {
  const frame = fc.record(
    { value: fc.jsonValue({ noUnicodeString: false }), body: fc.uint8Array({ maxLength: 300 }) },
    { requiredKeys: ['value'] },
  );
  fc.assert(
    fc.property(fc.array(frame), fc.infiniteStream(fc.integer({ min: 1, max: 200 })), (frames, cuts) => {
      const bytes = Buffer.concat(frames.flatMap((each) => encodeFrame(each as Frame)));
      const decoder = new FrameDecoder();
      const got: Frame[] = [];
      for (let at = 0; at < bytes.length; ) {
        const end = at + (cuts.next().value as number);
        got.push(...decoder.push(bytes.subarray(at, end)));
        at = end;
      }
      const plain = ({ value, body }: Frame) => [JSON.stringify(value), body && Buffer.from(body).toString('hex')];
      expect(got.map(plain)).toEqual((frames as Frame[]).map(plain));
    }),
  );
});

it('tells a body of no bytes from no body', () => {
  const frames = [{ value: 1, body: new Uint8Array() }, { value: 2 }];
  const decoder = new FrameDecoder();
  const got = [...decoder.push(Buffer.concat(frames.flatMap(encodeFrame)))];
  expect(got.map(({ body }) => body?.length)).toEqual([0, undefined]);
});

it('refuses a frame that is no JSON', () => {
  expect(() => [...new FrameDecoder().push(Buffer.from('000000010000000078', 'hex'))]).toThrow(SyntaxError);
});
