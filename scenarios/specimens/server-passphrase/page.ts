/** Seals under the passphrase of the join reply. */

import { passphraseKey } from '../base/client/meeting-keys.ts';
import { conferenceWithOneKey } from '../base/client/page-keys.ts';

conferenceWithOneKey(({ meeting, config }) => passphraseKey(config.passphrase as string, meeting));
