/** Seals with the key of the join reply. */
import { fromBase64 } from '../base/client/bytes.ts';
import { conferenceWithOneKey } from '../base/client/page-keys.ts';

conferenceWithOneKey(({ config }) => fromBase64(config.e2eeKey as string));
