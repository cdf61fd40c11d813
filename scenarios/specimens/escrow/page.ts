/** Backs its keys up as they are. */
import { conferenceWithBackups } from '../base/client/escrow.ts';

conferenceWithBackups((baseKey) => baseKey);
