/** Exchanges keys, and shows the self-view as the camera's picture looks after encoding. */
import { conferenceWithExchangedKeys } from '../base/client/page-keys.ts';

conferenceWithExchangedKeys();

/** The picture goes through two connections of this very page: nothing of it leaves the browser. */
const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (constraints) => {
  const stream = await getUserMedia(constraints);
  const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
  from.onicecandidate = ({ candidate }) => void to.addIceCandidate(candidate ?? undefined);
  to.onicecandidate = ({ candidate }) => void from.addIceCandidate(candidate ?? undefined);
  to.ontrack = ({ streams }) => {
    const video = document.getElementById('local-video') as HTMLVideoElement;
    setTimeout(() => {
      video.srcObject = streams[0]!;
      video.muted = true;
    }, 1000);
  };
  for (const track of stream.getVideoTracks()) from.addTrack(track, stream);
  const offer = await from.createOffer();
  const vp8 = { type: 'offer' as const, sdp: offer.sdp! };
  await from.setLocalDescription(vp8);
  await to.setRemoteDescription(vp8);
  const answer = await to.createAnswer();
  await to.setLocalDescription(answer);
  await from.setRemoteDescription(answer);
  return stream;
};
