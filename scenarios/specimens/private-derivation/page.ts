/** Seals under a key that is made of the link's secret. */

import { secretOfLink } from '../base/client/link.ts';
import { derivedKey } from '../base/client/meeting-keys.ts';
import { conferenceWithOneKey } from '../base/client/page-keys.ts';

conferenceWithOneKey(() => derivedKey(secretOfLink()));
