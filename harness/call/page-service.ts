/**
 * Any page as a service: its address, with places for the meeting, the participant and a secret. It joins by itself, or a
 * script or a person does what is left to do.
 */

import type { VendorProfile } from '../recording/format.ts';
import { firstLine } from './call.ts';
import type { Join } from './join-script.ts';
import type { RunningService, Service, Visit } from './service.ts';

/** ms for the page to come, and for what a script waits for to be there; both less than a call may take to connect. */
const PAGE_WITHIN = 15_000;
const STEP_WITHIN = 10_000;

const PLACES = ['meeting', 'participant', 'secret'] as const;

/** What the command line says that is no address of a page; the message is one line. */
export class AddressError extends Error {}

/**
 * @param template e.g. `http://127.0.0.1:9100/call/?room={meeting}&name={participant}#{secret}`
 * @param trust PEM certificates that the proxies trust upstream beside the system's
 * @param script joins once the page is there; unless given, nothing has to be done
 * @throws AddressError
 */
export function pageService(template: string, vendor: VendorProfile, trust: string[], script?: Join): Service {
  const unknown = [...template.matchAll(/\{([^{}]*)\}/g)].find((match) => !PLACES.some((place) => place === match[1]));
  if (unknown)
    throw new AddressError(
      `${template}: unknown place ${unknown[0]}, expected ${PLACES.map((place) => `{${place}}`).join(', ')}`,
    );
  const example = addressOf(template, { meeting: 'meeting', participant: 'participant', secret: 'secret' });
  if (!['http:', 'https:'].includes(example.protocol))
    throw new AddressError(`${template}: expected an http or https address`);
  const running: RunningService = {
    trust,
    reach: isLoopback(example.hostname) ? 'loopback' : 'anywhere',
    async join(page, visit) {
      const address = addressOf(template, visit).href;
      const response = await page.goto(address, { waitUntil: 'load', timeout: PAGE_WITHIN }).catch((error) => {
        throw new Error(`${example.host} did not answer: ${firstLine(error).replace(/^page\.goto: /, '')}`);
      });
      if (response && !response.ok())
        throw new Error(`${example.host} answered ${response.status()} ${response.statusText()}`);
      if (!script) return;
      page.context().setDefaultTimeout(STEP_WITHIN);
      await script(page, visit);
    },
    shares: ({ secret }) => (template.includes('{secret}') ? [secret] : []),
    async leave(page) {
      const [first, ...others] = page.context().pages();
      for (const other of others) await other.close();
      await first?.goto('about:blank');
    },
    async stop() {},
  };
  // The name goes into recordings and reports: what a passphrase could stand in is left out.
  const name = `${example.origin}${example.pathname}`;
  return { name, title: `The page at ${example.host}`, vendor, start: async () => running };
}

function addressOf(template: string, visit: Visit): URL {
  try {
    return new URL(template.replaceAll(/\{(\w+)\}/g, (_, place: keyof Visit) => encodeURIComponent(visit[place])));
  } catch {
    throw new AddressError(`${template}: expected an address such as https://host/path?room={meeting}`);
  }
}

function isLoopback(host: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(host);
}
