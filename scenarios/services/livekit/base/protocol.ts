/** What the page and its site have to tell each other. */

/** Where the page has the passphrase from: the link's fragment, the answer to joining, or nowhere, and nothing is sealed. */
export type Passphrase = 'link' | 'server' | 'none';

/** The answer to whoever joins. */
export interface Admission {
  /** Where LiveKit is. */
  url: string;
  /** LiveKit's access token. */
  token: string;
  passphrase?: string;
}
