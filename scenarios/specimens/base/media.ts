/**
 * The media side of the specimens' server: a selective forwarding unit (RFC 7667, section 3.7). Each participant has one
 * connection on which it publishes and one on which it gets what the others publish. Packets are forwarded as they are:
 * this server needs no key of the frames in them, and like every such server it ends DTLS-SRTP.
 */
import { MediaStream, MediaStreamTrack, type RTCDataChannel, type RTCRtpTransceiver } from 'werift';
import { createConnection, withoutCandidates } from './connection.ts';
import type { Medium, Subscriptions } from './protocol.ts';

/** A key frame costs many packets: senders are asked for one at most this often, in ms. */
const KEY_FRAME_INTERVAL_MS = 500;

/** One medium that a participant publishes. */
export interface Source {
  from: string;
  kind: Medium;
  track: MediaStreamTrack;
  /** Asks the participant for a key frame; asking again within the interval is put off, not lost. */
  requestKeyFrame(): void;
}

/** A participant's two connections. */
export interface Leg {
  /** Takes the offer of the publishing connection; resolves to the answer. */
  publish(sdp: string): Promise<string>;
  /** Takes the answer for the subscribing connection. */
  subscribed(sdp: string): Promise<void>;
  /** Sends the participant a message on its data channel; without one, or while it isn't open, nothing. */
  send(bytes: Buffer): void;
  /** Sends this source to the participant from now on. */
  forward(source: Source): void;
  /** Stops sending what this other participant published. */
  unforward(from: string): void;
  close(): void;
}

interface Subscription {
  source: Source;
  transceiver: RTCRtpTransceiver;
  stop(): void;
}

/**
 * @param on `source`: the participant publishes this from now on; `data`: it sent this message on its data channel; `offer`: it has
 * to be sent this offer.
 */
export function createLeg(
  name: string,
  on: { source(source: Source): void; data(bytes: Uint8Array): void; offer(sdp: string, tracks: Subscriptions): void },
): Leg {
  const publishing = createConnection();
  const subscribing = createConnection();
  const subscriptions = new Set<Subscription>();
  /** Video whose first key frame has not been asked for yet. */
  let waiting: Source[] = [];
  let negotiation: 'idle' | 'running' | 'stale' = 'idle';
  let closed = false;

  publishing.onTrack.subscribe((track) => {
    if (closed) return;
    const receiver = publishing.getTransceivers().find(({ receiver }) => receiver.tracks.includes(track))!.receiver;
    const requestKeyFrame = throttle(KEY_FRAME_INTERVAL_MS, () => {
      if (!closed && track.ssrc !== undefined) void receiver.sendRtcpPLI(track.ssrc);
    });
    on.source({ from: name, kind: track.kind as Medium, track, requestKeyFrame });
  });
  subscribing.connectionStateChange.subscribe(refresh);
  let channel: RTCDataChannel | undefined;
  publishing.onDataChannel.subscribe((opened) => {
    channel = opened;
    opened.onMessage.subscribe((message) => {
      if (!closed && typeof message !== 'string') on.data(message);
    });
  });

  /** Offers what the subscriptions are now. One offer is under way at a time: a change meanwhile makes for another. */
  async function negotiate(): Promise<void> {
    if (negotiation !== 'idle') {
      negotiation = 'stale';
      return;
    }
    negotiation = 'running';
    try {
      await subscribing.setLocalDescription(await subscribing.createOffer());
    } catch (error) {
      if (!closed) throw error;
    }
    if (closed) return;
    const tracks: Subscriptions = {};
    for (const { source, transceiver } of subscriptions) {
      if (transceiver.mid !== null) tracks[transceiver.mid] = { from: source.from, kind: source.kind };
    }
    on.offer(subscribing.localDescription!.sdp, tracks);
  }

  function refresh(): void {
    if (subscribing.connectionState !== 'connected' || negotiation !== 'idle') return;
    for (const source of waiting) source.requestKeyFrame();
    waiting = [];
  }

  return {
    async publish(sdp) {
      await publishing.setRemoteDescription({ type: 'offer', sdp: withoutCandidates(sdp) });
      await publishing.setLocalDescription(await publishing.createAnswer());
      return publishing.localDescription!.sdp;
    },
    async subscribed(sdp) {
      await subscribing.setRemoteDescription({ type: 'answer', sdp: withoutCandidates(sdp) });
      const stale = negotiation === 'stale';
      negotiation = 'idle';
      if (stale) await negotiate();
      refresh();
    },
    send(bytes) {
      if (channel?.readyState === 'open') channel.send(bytes);
    },
    forward(source) {
      const track = new MediaStreamTrack({ kind: source.kind });
      const transceiver = subscribing.addTransceiver(track, {
        direction: 'sendonly',
        streams: [new MediaStream([track])],
      });
      const { unSubscribe } = source.track.onReceiveRtp.subscribe((packet) => {
        const copy = packet.clone();
        // They are numbered as the publisher negotiated them, and the subscriber negotiated for itself.
        copy.header.extensions = [];
        track.writeRtp(copy);
      });
      if (source.kind === 'video') {
        transceiver.sender.onPictureLossIndication.subscribe(source.requestKeyFrame);
        waiting.push(source);
      }
      subscriptions.add({ source, transceiver, stop: unSubscribe });
      void negotiate();
    },
    unforward(from) {
      const ended = [...subscriptions].filter(({ source }) => source.from === from);
      if (ended.length === 0) return;
      for (const subscription of ended) {
        subscription.stop();
        subscription.transceiver.stop();
        subscribing.removeTrack(subscription.transceiver.sender);
        subscriptions.delete(subscription);
      }
      waiting = waiting.filter((source) => source.from !== from);
      void negotiate();
    },
    close() {
      closed = true;
      for (const { stop } of subscriptions) stop();
      void publishing.close();
      void subscribing.close();
    },
  };
}

function throttle(ms: number, action: () => void): () => void {
  let last = Number.NEGATIVE_INFINITY;
  let pending = false;
  return () => {
    if (pending) return;
    pending = true;
    const act = () => {
      pending = false;
      last = performance.now();
      action();
    };
    setTimeout(act, Math.max(0, last + ms - performance.now())).unref();
  };
}
