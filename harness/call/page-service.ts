/** Any page that joins by itself as a service: its address, with places for the meeting, the participant and a secret. */

import type { VendorProfile } from '../recording/format.ts';
import { firstLine } from './call.ts';
import type { RunningService, Service, Visit } from './service.ts';

const PLACES = ['meeting', 'participant', 'secret'] as const;

/** What the command line says that is no address of a page; the message is one line. */
export class AddressError extends Error {}

/**
 * @param template e.g. `http://127.0.0.1:9100/call/?room={meeting}&name={participant}#{secret}`
 * @param trust PEM certificates that the proxies trust upstream beside the system's
 * @throws AddressError
 */
export function pageService(template: string, vendor: VendorProfile, trust: string[]): Service {
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
      const response = await page.goto(addressOf(template, visit).href, { waitUntil: 'load' }).catch((error) => {
        throw new Error(`${example.host} did not answer: ${firstLine(error).replace(/^page\.goto: /, '')}`);
      });
      if (response && !response.ok())
        throw new Error(`${example.host} answered ${response.status()} ${response.statusText()}`);
    },
    shares: ({ secret }) => (template.includes('{secret}') ? [secret] : []),
    async leave(page) {
      await page.goto('about:blank');
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
