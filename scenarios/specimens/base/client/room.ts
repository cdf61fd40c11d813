/**
 * The page that the specimens share: joins at a click, shows everybody, leaves at a click. `body[data-state]` is
 * `ready`, `joining`, `joined`, `left` or `failed`; a participant's picture and sound are in `video#remote-NAME-video`.
 * Which way the media go is up to `conference.ts` and `peer.ts`.
 */
import type { ClientMessage, ServerMessage } from '../protocol.ts';
import { inFragment } from './link.ts';

/** A meeting that we are in. */
export interface Room {
  /** Our own name. */
  name: string;
  meeting: string;
  /** Our own picture and sound. */
  local: MediaStream;
  send(message: ClientMessage): void;
  /** Sends everybody else what the server does not look into. */
  sendBytes(bytes: Uint8Array<ArrayBuffer>): void;
  /** Shows and plays a participant's track. */
  play(participant: string, track: MediaStreamTrack): void;
  /** We have joined. */
  joined(): void;
  /** We have joined once this connection is up, and have failed if it fails. */
  follow(connection: RTCPeerConnection): void;
}

/** What carries the media of a room. */
export interface Media {
  /** Called with one message of the server after the other. */
  handle(message: ServerMessage): Promise<void> | void;
  /** Called with what another participant sent by {@link Room.sendBytes}: its name's length, its name, the bytes. */
  take?(bytes: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

type State = 'joining' | 'joined' | 'left' | 'failed';

/** Sets the page up. */
export function openRoom(start: (room: Room) => Media): void {
  const joinButton = element<HTMLButtonElement>('join');
  joinButton.addEventListener('click', () => {
    joinButton.hidden = true;
    join(start).catch((error: Error) => show('failed', error.message));
  });
  // A link with `&join` joins by itself.
  if (inFragment('join') !== null) joinButton.click();
}

async function join(start: (room: Room) => Media): Promise<void> {
  show('joining');
  const meeting = location.pathname.split('/').at(-1) ?? '';
  const name = inFragment('name') ?? '';
  const local = await navigator.mediaDevices.getUserMedia({
    // The test tone is no voice, and to make it one costs a tenth of a call's work.
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    video: { width: 640, height: 360, frameRate: 15 },
  });
  element<HTMLVideoElement>('local-video').srcObject = local;

  const socket = new WebSocket(`wss://${location.host}/signal`);
  socket.binaryType = 'arraybuffer';
  const send = (message: ClientMessage) => socket.send(JSON.stringify(message));
  const joined = () => {
    element('badge').hidden = false;
    show('joined');
  };
  const media = start({
    name,
    meeting,
    local,
    send,
    sendBytes: (bytes) => socket.send(bytes),
    play: (participant, track) => (remoteVideo(participant).srcObject as MediaStream).addTrack(track),
    joined,
    follow(connection) {
      connection.onconnectionstatechange = () => {
        if (connection.connectionState === 'failed') end('failed', 'the media connection failed');
        if (connection.connectionState === 'connected') joined();
      };
    },
  });

  const end = (state: State, reason = '') => {
    socket.onclose = null;
    socket.close();
    media.close();
    for (const track of local.getTracks()) track.stop();
    for (const figure of document.querySelectorAll('[data-participant]')) figure.remove();
    element('badge').hidden = true;
    element('leave').hidden = true;
    show(state, reason);
  };
  const leaveButton = element<HTMLButtonElement>('leave');
  leaveButton.hidden = false;
  leaveButton.onclick = () => end('left');

  async function handle(message: ServerMessage): Promise<void> {
    if (message.type === 'refused') return end('failed', message.reason);
    if (message.type === 'welcome') for (const participant of message.participants) addParticipant(participant);
    if (message.type === 'joined') addParticipant(message.name);
    if (message.type === 'left') document.querySelector(`[data-participant="${message.name}"]`)?.remove();
    return media.handle(message);
  }

  let work = Promise.resolve();
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) return media.take?.(new Uint8Array(data));
    const message = JSON.parse(data) as ServerMessage;
    work = work
      .then(() => (socket.readyState === WebSocket.OPEN || message.type === 'refused' ? handle(message) : undefined))
      .catch((error: Error) => end('failed', error.message));
  };
  socket.onclose = () => {
    work = work.then(() => {
      if (document.body.dataset.state !== 'failed') end('failed', 'the server closed the connection');
    });
  };
  socket.onopen = () => send({ type: 'join', meeting, name });
}

function addParticipant(name: string): void {
  const video = document.createElement('video');
  video.id = `remote-${name}-video`;
  video.autoplay = true;
  video.playsInline = true;
  video.srcObject = new MediaStream();
  const caption = document.createElement('figcaption');
  caption.textContent = name;
  const figure = document.createElement('figure');
  figure.dataset.participant = name;
  figure.append(video, caption);
  element('participants').append(figure);
}

function remoteVideo(name: string): HTMLVideoElement {
  return element<HTMLVideoElement>(`remote-${name}-video`);
}

function show(state: State, text = ''): void {
  element('status').textContent = text;
  document.body.dataset.state = state;
}

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}
