/** The `rtp` vantage point: the packets of one browser as the provider's server sees them, from Chromium's own dump. */
import type { EventSink } from '../../recording/format.ts';
import { RtpRecorder } from './rtp-dump.ts';

export interface RtpVantage {
  /** Takes the browser's stderr as it comes. */
  write(chunk: Buffer): void;
  health(): { state: 'alive' | 'lost'; detail: string };
}

export function startRtpVantage(participant: string, sink: EventSink): RtpVantage {
  const recorder = new RtpRecorder(participant, sink);
  return {
    write: (chunk) => recorder.push(chunk),
    health() {
      const { rtp, rtcp, malformed, shape } = recorder.counts;
      const detail = `${rtp} RTP and ${rtcp} RTCP packets${malformed ? `, ${malformed} lines that could not be read, as ${shape}` : ''}`;
      return { state: malformed === 0 ? 'alive' : 'lost', detail };
    },
  };
}
