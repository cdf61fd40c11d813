/**
 * Media straight from browser to browser: one connection between two participants, for which the server passes on descriptions
 * and candidates. Who comes second offers.
 */
import type { ServerMessage } from '../protocol.ts';
import { openRoom, type Room } from './room.ts';

/** What the two tell each other through the server. */
type Message = { description: RTCSessionDescriptionInit } | { candidate: RTCIceCandidateInit };

/** Sets the page up. */
export function peer(): void {
  openRoom(straight);
}

function straight({ local, send, play, joined, follow }: Room) {
  let connection: RTCPeerConnection | undefined;

  function connect(to: string): RTCPeerConnection {
    connection = new RTCPeerConnection({ iceServers: [] });
    follow(connection);
    connection.ontrack = ({ track }) => play(to, track);
    connection.onicecandidate = ({ candidate }) => {
      if (candidate) tell(to, { candidate: candidate.toJSON() });
    };
    for (const track of local.getTracks()) connection.addTrack(track, local);
    return connection;
  }

  async function describe(connection: RTCPeerConnection, to: string): Promise<void> {
    await connection.setLocalDescription();
    tell(to, { description: connection.localDescription!.toJSON() });
  }

  async function hear(from: string, message: Message): Promise<void> {
    if ('candidate' in message) return connection?.addIceCandidate(message.candidate);
    const { description } = message;
    if (description.type !== 'offer') return connection?.setRemoteDescription(description);
    const answering = connect(from);
    await answering.setRemoteDescription(description);
    await describe(answering, from);
  }

  function tell(to: string, message: Message): void {
    send({ type: 'relay', to, message });
  }

  function close(): void {
    connection?.close();
    connection = undefined;
  }

  return {
    async handle(message: ServerMessage): Promise<void> {
      switch (message.type) {
        case 'welcome': {
          const [other] = message.participants;
          return other === undefined ? joined() : describe(connect(other), other);
        }
        case 'left':
          return close();
        case 'relay':
          return hear(message.from, message.message as Message);
      }
    },
    close,
  };
}
