/** Exchanges keys; only that goes through WebCrypto. */
import { conferenceWithExchangedKeys } from '../base/client/page-keys.ts';

conferenceWithExchangedKeys();
