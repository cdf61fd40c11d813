/** Gets the meeting's key from the key server that the join reply names. */
import { fromBase64 } from '../base/client/bytes.ts';
import { conferenceWithOneKey } from '../base/client/page-keys.ts';
import { postJson } from '../base/client/post.ts';
import type { KeyReply } from '../zoom-2020.ts';

conferenceWithOneKey(async ({ meeting, name, config }) => {
  const reply = (await postJson(config.keyServer as string, { meeting, name })) as KeyReply;
  return fromBase64(reply.encKey);
});
