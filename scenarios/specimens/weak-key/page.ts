/** The same client as its twin's; the passphrase of the link is a PIN. */
import '../passphrase/page.ts';
