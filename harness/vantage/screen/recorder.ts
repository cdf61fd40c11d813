/**
 * Runs in the page, in a world of its own that the application can't see: records the page's own tab, its picture and its
 * sound, and hands the file over piece by piece. Bundled by esbuild.
 */

/** Handed to the harness by its binding: a piece of the file in base64, when it began (ms since 1970), or why it ended by itself. */
export type Message = { piece: string } | { began: number } | { broke: string };

/** ms of recording in one piece: what a sudden end may cost. */
const PIECE_TIME = 250;
/** The test card's own rate; more would load the machine, and show no more of the call. */
const PICTURES_A_SECOND = 15;
const BITS_A_SECOND = { video: 2_000_000, audio: 96_000 };
/** `String.fromCharCode` takes no more at once. */
const CHUNK = 8192;

let recorder: MediaRecorder | undefined;
/** Pieces go out one after the other. */
let sending = Promise.resolve();

/** @param binding name of the function that takes messages */
async function begin(binding: string): Promise<void> {
  const tell = (message: Message) =>
    (globalThis as unknown as Record<string, (text: string) => void>)[binding]!(JSON.stringify(message));
  const stream = await navigator.mediaDevices.getDisplayMedia({
    video: { frameRate: PICTURES_A_SECOND },
    audio: {
      echoCancellation: false,
      noiseSuppression: false,
      autoGainControl: false,
      // What is recorded is not played aloud beside.
      suppressLocalAudioPlayback: true,
    },
    preferCurrentTab: true,
    selfBrowserSurface: 'include',
  } as DisplayMediaStreamOptions);
  const [video] = stream.getVideoTracks();
  // With a made-up permission dialogue, Chromium hands out a made-up screen as well.
  if (video?.getSettings().displaySurface !== 'browser') throw new Error('it would record another thing than the page');
  for (const track of stream.getTracks()) track.onended = () => tell({ broke: `its ${track.kind} ended` });
  recorder = new MediaRecorder(stream, {
    mimeType: 'video/webm;codecs=vp8,opus',
    videoBitsPerSecond: BITS_A_SECOND.video,
    audioBitsPerSecond: BITS_A_SECOND.audio,
  });
  recorder.ondataavailable = ({ data }) => {
    sending = sending.then(async () => {
      if (data.size > 0) tell({ piece: base64(new Uint8Array(await data.arrayBuffer())) });
    });
  };
  recorder.onerror = () => tell({ broke: 'the browser could not record it' });
  let began = 0;
  const started = new Promise<void>((resolve) => {
    recorder!.onstart = () => {
      tell({ began });
      resolve();
    };
  });
  began = Date.now();
  recorder.start(PIECE_TIME);
  await started;
}

/** Resolves once the last piece was handed over. */
async function end(): Promise<void> {
  if (!recorder || recorder.state === 'inactive') return;
  const stopped = new Promise<void>((resolve) => {
    recorder!.onstop = () => resolve();
  });
  recorder.stop();
  // The last piece comes before `stop` does.
  await stopped;
  await sending;
  for (const track of recorder.stream.getTracks()) track.stop();
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

Object.assign(globalThis, { begin, end });
