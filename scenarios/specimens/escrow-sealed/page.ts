/** Backs its keys up sealed under a recovery key that only its user is shown. */
import { toHex } from '../base/client/bytes.ts';
import { conferenceWithBackups } from '../base/client/escrow.ts';
import { seal } from '../base/client/identity.ts';

const recoveryKey = crypto.getRandomValues(new Uint8Array(32));
const sealing = crypto.subtle.importKey('raw', recoveryKey, 'AES-GCM', false, ['encrypt']);

const shown = document.createElement('p');
shown.textContent = `Recovery key, for you alone: ${toHex(recoveryKey)}`;
document.getElementById('participants')!.before(shown);

conferenceWithBackups(async (baseKey) => seal(await sealing, baseKey, 'backup'));
