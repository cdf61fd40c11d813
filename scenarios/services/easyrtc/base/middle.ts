/**
 * Whoever passes descriptions on can stand in the middle: to the caller it shows itself as the callee, to the callee as the
 * caller, with certificates of its own. It ends DTLS-SRTP on both sides and passes the media on, which it has in clear.
 */
import { MediaStream, MediaStreamTrack, type RTCPeerConnection, type RTCRtpTransceiver } from 'werift';
import { createConnection, withoutCandidates } from '../../../specimens/base/connection.ts';

type Kind = 'audio' | 'video';

export class Middle {
  readonly #caller = createConnection();
  readonly #callee = createConnection();

  /** Takes the caller's offer and returns the one that the callee is to get. */
  async offer(sdp: string): Promise<string> {
    const stream = new MediaStream();
    for (const [, kind] of sdp.matchAll(/^m=(audio|video) /gm)) {
      const legs = [this.#caller, this.#callee].map((connection) => addLeg(connection, kind as Kind, stream));
      pass(legs[0]!, legs[1]!);
      pass(legs[1]!, legs[0]!);
    }
    await this.#caller.setRemoteDescription({ type: 'offer', sdp: withoutCandidates(sdp) });
    await this.#callee.setLocalDescription(await this.#callee.createOffer());
    return this.#callee.localDescription!.sdp;
  }

  /** Takes the callee's answer and returns the one that the caller is to get. */
  async answer(sdp: string): Promise<string> {
    await this.#callee.setRemoteDescription({ type: 'answer', sdp: withoutCandidates(sdp) });
    await this.#caller.setLocalDescription(await this.#caller.createAnswer());
    return this.#caller.localDescription!.sdp;
  }

  async close(): Promise<void> {
    await Promise.all([this.#caller.close(), this.#callee.close()]);
  }
}

/** One medium to and from one side. */
interface Leg {
  connection: RTCPeerConnection;
  transceiver: RTCRtpTransceiver;
  /** What goes to this side. */
  track: MediaStreamTrack;
}

function addLeg(connection: RTCPeerConnection, kind: Kind, stream: MediaStream): Leg {
  const track = new MediaStreamTrack({ kind });
  const transceiver = connection.addTransceiver(track, { direction: 'sendrecv', streams: [stream] });
  return { connection, transceiver, track };
}

/** Passes what comes from one side to the other, and the other's wish for a key frame back. */
function pass(from: Leg, to: Leg): void {
  from.connection.onTrack.subscribe((incoming) => {
    if (incoming.kind !== from.track.kind) return;
    incoming.onReceiveRtp.subscribe((packet) => {
      const copy = packet.clone();
      // They are numbered as the sender negotiated them, and the receiver negotiated for itself.
      copy.header.extensions = [];
      to.track.writeRtp(copy);
    });
    const askForKeyFrame = () => {
      if (incoming.ssrc !== undefined) void from.transceiver.receiver.sendRtcpPLI(incoming.ssrc);
    };
    if (incoming.kind !== 'video') return;
    to.transceiver.sender.onPictureLossIndication.subscribe(askForKeyFrame);
    to.connection.connectionStateChange.subscribe((state) => {
      if (state === 'connected') askForKeyFrame();
    });
  });
}
