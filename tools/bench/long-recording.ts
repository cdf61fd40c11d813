/** Makes a long recording out of a short one: the same call again and again, its streams running on. */
import type { Body, NewEvent, RecordedEvent } from '../../harness/recording/format.ts';
import { RecordingReader } from '../../harness/recording/reader.ts';
import { RecordingWriter } from '../../harness/recording/writer.ts';

/** Packets and RTP time that a stream takes in one go of the call. */
interface Span {
  packets: number;
  time: number;
}

/** The recording at `source`, `times` over, at `target`. */
export function lengthen(source: string, target: string, times: number): void {
  using reader = new RecordingReader(source);
  const { recording } = reader;
  const { id, service, vendor, scenario, participants, places, software } = recording;
  const seconds = scenario.seconds * times;
  const start = { id, service, vendor, scenario: { ...scenario, seconds }, participants, places, software };
  const writer = new RecordingWriter(target, start);
  const spans = spansOf(reader.events());
  for (let time = 0; time < times; time++)
    for (const event of reader.events()) {
      // People join once.
      if (time > 0 && /^(http|ws|tls|tcp)\./.test(event.type)) continue;
      const span = 'ssrc' in event ? spans.get(event.ssrc) : undefined;
      writer.append(
        again(event, (body) => reader.body(body), span && { packets: time * span.packets, time: time * span.time }),
      );
    }
  writer.finish({ vantagePoints: recording.vantagePoints, outcome: recording.outcome });
}

function spansOf(events: Iterable<RecordedEvent>): Map<number, Span> {
  const first = new Map<number, { sequenceNumber: number; timestamp: number }>();
  const spans = new Map<number, Span>();
  for (const event of events) {
    if (event.type !== 'rtp') continue;
    const begin = first.get(event.ssrc) ?? event;
    first.set(event.ssrc, begin);
    const before = spans.get(event.ssrc) ?? { packets: 0, time: 0 };
    const packets = ((event.sequenceNumber - begin.sequenceNumber) & 0xffff) + 1;
    const time = ((event.timestamp - begin.timestamp) >>> 0) + 3000;
    spans.set(event.ssrc, { packets: Math.max(before.packets, packets), time: Math.max(before.time, time) });
  }
  return spans;
}

function again(event: RecordedEvent, read: (body: Body) => Uint8Array, shift: Span | undefined): NewEvent {
  const { seq: _, t: __, ...fields } = event;
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const isBody = typeof value === 'object' && value !== null && 'sha256' in value && 'offset' in value;
    copy[name] = isBody ? read(value as Body) : value;
  }
  if (!shift) return copy as unknown as NewEvent;
  if (typeof copy.timestamp === 'number') copy.timestamp = (copy.timestamp + shift.time) >>> 0;
  if (event.type === 'rtp') {
    copy.sequenceNumber = (event.sequenceNumber + shift.packets) & 0xffff;
    const packet = Buffer.from((copy.body as Uint8Array).buffer);
    packet.writeUInt16BE(copy.sequenceNumber as number, 2);
    packet.writeUInt32BE(copy.timestamp as number, 4);
  }
  return copy as unknown as NewEvent;
}
