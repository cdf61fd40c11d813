/**
 * Takes out emulation prevention bytes: 00 00 03 becomes 00 00 (ITU-T H.264 §7.4.1).
 *
 * @param zeros Zero bytes in front of `data`, where a sender counts those too.
 */
export function unescapeRbsp(data: Uint8Array, zeros = 0): Uint8Array {
  const out = new Uint8Array(data.length);
  let length = 0;
  let run = zeros;
  for (const byte of data) {
    if (run >= 2 && byte === 3) {
      run = 0;
      continue;
    }
    out[length++] = byte;
    run = byte === 0 ? run + 1 : 0;
  }
  return out.subarray(0, length);
}
