/** Seals under the passphrase of the link. */
import { secretOfLink } from '../base/client/link.ts';
import { passphraseKey } from '../base/client/meeting-keys.ts';
import { conferenceWithOneKey } from '../base/client/page-keys.ts';

conferenceWithOneKey(({ meeting }) => passphraseKey(secretOfLink(), meeting));
