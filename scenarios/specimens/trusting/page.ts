/** Exchanges keys, and trusts the server with whose they are. */
import { conferenceWithExchangedKeys } from '../base/client/page-keys.ts';

conferenceWithExchangedKeys({ verified: false });
