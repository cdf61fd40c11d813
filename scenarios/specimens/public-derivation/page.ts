/** Seals under a key that is made of the meeting's name. */
import { derivedKey } from '../base/client/meeting-keys.ts';
import { conferenceWithOneKey } from '../base/client/page-keys.ts';

conferenceWithOneKey(({ meeting }) => derivedKey(meeting));
