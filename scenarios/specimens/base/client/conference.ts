/** Media through the server: one connection on which we publish, one on which we get what the others publish. */
import type { Medium, ServerMessage } from '../protocol.ts';
import { openRoom, type Room } from './room.ts';

/** What hooks may know and do in the call. */
export interface Call {
  /** Our own name. */
  name: string;
  meeting: string;
  /** What the join reply carries beside the roster. */
  config: Record<string, unknown>;
  /** Sends another participant a message through the server. */
  send(to: string, message: unknown): void;
}

/** Where a specimen's client differs. Messages and hooks run one after the other, in the order of the server's messages. */
export interface Hooks {
  /** After the server let us in, before we send any media. `participants`: who was there before. */
  afterJoin?(call: Call, participants: string[]): Promise<void>;
  onSender?(sender: RTCRtpSender, kind: Medium): void;
  onReceiver?(receiver: RTCRtpReceiver, kind: Medium, from: string): void;
  /** Another participant sent us this; through the server, so nobody can vouch for it. */
  onMessage?(from: string, message: unknown): Promise<void>;
  onLeft?(name: string): Promise<void>;
}

/** Sets the page up. */
export function conference(hooks: Hooks = {}): void {
  openRoom((room) => throughServer(room, hooks));
}

function throughServer({ name, meeting, local, send, play, follow }: Room, hooks: Hooks) {
  const publishing = new RTCPeerConnection({ iceServers: [] });
  const subscribing = new RTCPeerConnection({ iceServers: [] });
  follow(publishing);

  async function publish(): Promise<void> {
    for (const track of local.getTracks()) {
      const { sender } = publishing.addTransceiver(track, { direction: 'sendonly', streams: [local] });
      hooks.onSender?.(sender, track.kind as Medium);
    }
    await publishing.setLocalDescription();
    send({ type: 'publish', sdp: publishing.localDescription!.sdp });
  }

  async function subscribe({ sdp, tracks }: ServerMessage & { type: 'subscribe' }): Promise<void> {
    subscribing.ontrack = ({ receiver, track, transceiver }) => {
      const source = tracks[transceiver.mid ?? ''];
      if (!source) return;
      hooks.onReceiver?.(receiver, source.kind, source.from);
      play(source.from, track);
    };
    await subscribing.setRemoteDescription({ type: 'offer', sdp });
    await subscribing.setLocalDescription();
    send({ type: 'subscribed', sdp: subscribing.localDescription!.sdp });
  }

  return {
    async handle(message: ServerMessage): Promise<void> {
      switch (message.type) {
        case 'welcome': {
          const { participants, config } = message;
          const call = { name, meeting, config, send: (to: string, message: unknown) => relay(to, message) };
          await hooks.afterJoin?.(call, participants);
          return publish();
        }
        case 'left':
          return hooks.onLeft?.(message.name);
        case 'published':
          return publishing.setRemoteDescription({ type: 'answer', sdp: message.sdp });
        case 'subscribe':
          return subscribe(message);
        case 'relay':
          return hooks.onMessage?.(message.from, message.message);
      }
    },
    close() {
      publishing.close();
      subscribing.close();
    },
  };

  function relay(to: string, message: unknown): void {
    send({ type: 'relay', to, message });
  }
}
