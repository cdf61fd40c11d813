/**
 * A meeting with LiveKit's own client: `/room/MEETING?name=PARTICIPANT#PASSPHRASE`. Joins at a click, shows everybody, leaves at
 * a click. `body[data-state]` is `ready`, `joining`, `joined`, `left` or `failed`; `#status` says why, or what could not be opened.
 */
import { ExternalE2EEKeyProvider, Room, RoomEvent, VideoPresets } from 'livekit-client';
import type { Admission, Passphrase } from '../protocol.ts';

type State = 'joining' | 'joined' | 'left' | 'failed';

const joinButton = element<HTMLButtonElement>('join');
const leaveButton = element<HTMLButtonElement>('leave');
joinButton.addEventListener('click', () => {
  joinButton.hidden = true;
  join().catch((error: Error) => show('failed', error.message));
});

async function join(): Promise<void> {
  show('joining');
  const meeting = location.pathname.split('/').at(-1);
  const participant = new URLSearchParams(location.search).get('name');
  const response = await fetch('/join', { method: 'POST', body: JSON.stringify({ meeting, participant }) });
  if (!response.ok) throw new Error(await response.text());
  const { url, token, passphrase }: Admission = await response.json();
  const room = await openRoom(passphraseFrom(document.body.dataset.passphrase as Passphrase, passphrase));
  leaveButton.hidden = false;
  leaveButton.onclick = () => room.disconnect();
  // Without a list of its own the client takes the server's, which would be public STUN servers.
  await room.connect(url, token, { rtcConfig: { iceServers: [] } });
  await room.localParticipant.enableCameraAndMicrophone();
  show('joined');
}

function passphraseFrom(from: Passphrase, ofServer: string | undefined): string | undefined {
  if (from === 'none') return undefined;
  const passphrase = from === 'link' ? decodeURIComponent(location.hash.slice(1)) : ofServer;
  if (!passphrase) throw new Error('there is no passphrase for this meeting: ask for the whole link');
  return passphrase;
}

/** As LiveKit's guide has it (https://docs.livekit.io/transport/encryption/start), with one VP8 stream a camera. */
async function openRoom(passphrase: string | undefined): Promise<Room> {
  const options = {
    videoCaptureDefaults: { resolution: VideoPresets.h360.resolution },
    publishDefaults: { videoCodec: 'vp8', simulcast: false },
  } as const;
  if (passphrase === undefined) return follow(new Room(options));
  const keyProvider = new ExternalE2EEKeyProvider();
  const room = new Room({ ...options, encryption: { keyProvider, worker: new Worker('/worker.js') } });
  await keyProvider.setKey(passphrase);
  await room.setE2EEEnabled(true);
  return follow(room);
}

function follow(room: Room): Room {
  return room
    .on(RoomEvent.TrackSubscribed, (track) => element('participants').append(track.attach()))
    .on(RoomEvent.TrackUnsubscribed, (track) => {
      for (const media of track.detach()) media.remove();
    })
    .on(RoomEvent.EncryptionError, (error) => {
      element('status').textContent = error.message;
    })
    .on(RoomEvent.Disconnected, () => {
      leaveButton.hidden = true;
      if (document.body.dataset.state === 'joined') show('left');
    });
}

function show(state: State, text = ''): void {
  element('status').textContent = text;
  document.body.dataset.state = state;
}

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}
