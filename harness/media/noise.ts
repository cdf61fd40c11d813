/** The picture of what does not decode: the bytes themselves, as encryption left them. */

/**
 * Draws bytes as grey dots, row by row, one byte a dot; they are repeated, or cut, to fill the picture.
 * @returns `width * height` grey values; black where there are no bytes.
 */
export function bytesAsPicture(bytes: Uint8Array, width: number, height: number): Uint8Array {
  const gray = new Uint8Array(width * height);
  if (bytes.length > 0) for (let at = 0; at < gray.length; at++) gray[at] = bytes[at % bytes.length]!;
  return gray;
}
