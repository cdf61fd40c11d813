/**
 * PDML, what `tshark -T pdml` writes (https://wiki.wireshark.org/PDML): an element a field, `show` for people, `value` as hex. Read
 * as a stream of tags, since that is all that is needed: in an attribute, tshark writes `>` as `&gt;`.
 */

export interface Tag {
  element: 'packet' | 'proto' | 'field';
  name: string;
  show: string;
  /** The bytes, in hex; empty where there are none. */
  value: string;
}

/** Characters of one tag: a body of 32 MB in hex, twice. */
const LONGEST_TAG = 128 << 20;

/** Finds tags in what comes in pieces cut anywhere. @throws Error where a tag has no end. */
export class PdmlReader {
  #rest: string[] = [];
  #length = 0;

  *push(piece: string): Generator<Tag> {
    let start = 0;
    for (let end = piece.indexOf('>'); end >= 0; end = piece.indexOf('>', start)) {
      this.#rest.push(piece.slice(start, end));
      const text = this.#rest.join('');
      this.#rest = [];
      this.#length = 0;
      start = end + 1;
      const tag = parseTag(text);
      if (tag) yield tag;
    }
    this.#length += piece.length - start;
    if (this.#length > LONGEST_TAG) throw new Error(`a field of more than ${LONGEST_TAG} characters`);
    this.#rest.push(piece.slice(start));
  }
}

function parseTag(text: string): Tag | undefined {
  const open = text.lastIndexOf('<');
  const element = /^<(packet|proto|field)\b/.exec(text.slice(open, open + 8))?.[1] as Tag['element'] | undefined;
  if (!element) return undefined;
  return {
    element,
    name: attribute(text, open, 'name'),
    show: attribute(text, open, 'show')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&apos;', "'")
      .replaceAll('&amp;', '&'),
    value: attribute(text, open, 'value'),
  };
}

function attribute(text: string, from: number, name: string): string {
  const mark = ` ${name}="`;
  const at = text.indexOf(mark, from);
  if (at < 0) return '';
  const start = at + mark.length;
  const end = text.indexOf('"', start);
  return end < 0 ? '' : text.slice(start, end);
}
