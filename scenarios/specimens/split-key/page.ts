/** Joins the half of the join reply with the one that the key server answers. */
import { fromBase64, fromHex } from '../base/client/bytes.ts';
import { joinedKey } from '../base/client/meeting-keys.ts';
import { conferenceWithOneKey } from '../base/client/page-keys.ts';
import { postJson } from '../base/client/post.ts';
import type { HalfReply } from '../split-key.ts';

conferenceWithOneKey(async ({ meeting, config }) => {
  const { half } = (await postJson(config.keyServer as string, { meeting })) as HalfReply;
  return joinedKey(fromBase64(config.half as string), fromHex(half));
});
