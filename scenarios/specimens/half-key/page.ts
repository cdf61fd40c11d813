/** Joins the half of the join reply with one that is made of the link's secret. */
import { fromBase64 } from '../base/client/bytes.ts';
import { secretOfLink } from '../base/client/link.ts';
import { joinedKey, sha256 } from '../base/client/meeting-keys.ts';
import { conferenceWithOneKey } from '../base/client/page-keys.ts';

conferenceWithOneKey(async ({ config }) => joinedKey(fromBase64(config.half as string), await sha256(secretOfLink())));
