/**
 * The conferencing page that the specimens share: joins at a click, shows everybody, leaves at a click. `body[data-state]` is
 * `ready`, `joining`, `joined`, `left` or `failed`; a participant's picture and sound are in `video#remote-NAME-video`.
 */
import type { ClientMessage, Medium, ServerMessage } from '../protocol.ts';

/** What hooks may do in the call. */
export interface Call {
  /** Our own name. */
  name: string;
  meeting: string;
  /** Sends another participant a message through the server, which does not look into it. */
  send(to: string, message: unknown): void;
}

/** Where a specimen's client differs. Messages and hooks run one after the other, in the order of the server's messages. */
export interface Hooks {
  /** After the server let us in, before we send any media. `participants`: who was there before. */
  afterJoin?(call: Call, participants: string[], config: Record<string, unknown>): Promise<void>;
  onSender?(sender: RTCRtpSender, kind: Medium): void;
  onReceiver?(receiver: RTCRtpReceiver, kind: Medium, from: string): void;
  /** Another participant sent us this; through the server, so nobody can vouch for it. */
  onMessage?(from: string, message: unknown): Promise<void>;
  onLeft?(name: string): Promise<void>;
}

type State = 'joining' | 'joined' | 'left' | 'failed';

/** Sets the page up. */
export function conference(hooks: Hooks = {}): void {
  const joinButton = element<HTMLButtonElement>('join');
  joinButton.addEventListener('click', () => {
    joinButton.hidden = true;
    join(hooks).catch(fail);
  });
  // A link with `&join` joins by itself.
  if (new URLSearchParams(location.hash.slice(1)).has('join')) joinButton.click();
}

async function join(hooks: Hooks): Promise<void> {
  show('joining');
  const meeting = location.pathname.split('/').at(-1) ?? '';
  const name = new URLSearchParams(location.hash.slice(1)).get('name') ?? '';
  const local = await navigator.mediaDevices.getUserMedia({
    audio: true,
    video: { width: 640, height: 360, frameRate: 15 },
  });
  element<HTMLVideoElement>('local-video').srcObject = local;

  const publishing = new RTCPeerConnection({ iceServers: [] });
  const subscribing = new RTCPeerConnection({ iceServers: [] });
  const socket = new WebSocket(`wss://${location.host}/signal`);
  const send = (message: ClientMessage) => socket.send(JSON.stringify(message));

  const end = (state: State, reason = '') => {
    socket.onclose = null;
    socket.close();
    publishing.close();
    subscribing.close();
    for (const track of local.getTracks()) track.stop();
    for (const figure of document.querySelectorAll('[data-participant]')) figure.remove();
    element('badge').hidden = true;
    element('leave').hidden = true;
    show(state, reason);
  };
  const leaveButton = element<HTMLButtonElement>('leave');
  leaveButton.hidden = false;
  leaveButton.onclick = () => end('left');

  publishing.onconnectionstatechange = () => {
    if (publishing.connectionState === 'failed') end('failed', 'the media connection failed');
    if (publishing.connectionState !== 'connected') return;
    element('badge').hidden = false;
    show('joined');
  };

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
      (remoteVideo(source.from).srcObject as MediaStream).addTrack(track);
    };
    await subscribing.setRemoteDescription({ type: 'offer', sdp });
    await subscribing.setLocalDescription();
    send({ type: 'subscribed', sdp: subscribing.localDescription!.sdp });
  }

  async function handle(message: ServerMessage): Promise<void> {
    switch (message.type) {
      case 'welcome':
        for (const participant of message.participants) addParticipant(participant);
        await hooks.afterJoin?.(
          { name, meeting, send: (to, message) => send({ type: 'relay', to, message }) },
          message.participants,
          message.config,
        );
        return publish();
      case 'refused':
        return end('failed', message.reason);
      case 'joined':
        return addParticipant(message.name);
      case 'left':
        document.querySelector(`[data-participant="${message.name}"]`)?.remove();
        return hooks.onLeft?.(message.name);
      case 'published':
        return publishing.setRemoteDescription({ type: 'answer', sdp: message.sdp });
      case 'subscribe':
        return subscribe(message);
      case 'relay':
        return hooks.onMessage?.(message.from, message.message);
    }
  }

  let work = Promise.resolve();
  socket.onmessage = ({ data }) => {
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

function fail(error: Error): void {
  show('failed', error.message);
}

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}
