/** Exchanges keys as its twin does. */
import { conferenceWithExchangedKeys } from '../base/client/page-keys.ts';

conferenceWithExchangedKeys({ keyBytes: 16 });
