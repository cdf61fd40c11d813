/**
 * A specimen: a small conferencing service of ours whose truth is known, on which the checks are tried. One file
 * `scenarios/specimens/NAME.ts` exports
 *
 * - `specimen`: what sets it apart from the shared base, see {@link Specimen};
 * - `service`: `serviceOf(specimen)`;
 * - `truth`: `specimen.truth`.
 *
 * Where its clients do more than send and receive, `NAME/page.ts` calls `conference` of `base/client/conference.ts` with its
 * hooks, or what `base/client/page-keys.ts` makes of it; `NAME/worker.ts` transforms the frames, or else
 * `base/client/gcm-worker.ts` does. What its vendor says is in `scenarios/vendors/NAME.yaml`.
 */
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import type { RunningService, Service, Visit } from '../../../harness/call/service.ts';
import { startForked } from '../../base/forked.ts';
import { readVendor } from '../../vendors/vendors.ts';

/** ms for what a specimen does; far more than it takes, for a machine may be busy. Joining has the call's own limit besides. */
const STEP_WITHIN = 60_000;

/** The claims that the specimens speak of; the catalogue has more. */
export type ClaimId = 'media-confidential' | 'key-origin' | 'key-delivery' | 'cipher' | 'ciphertext-sound';

/** Whether what the vendor says is so, for each claim that it makes. */
export type Truth = Partial<Record<ClaimId, 'honest' | 'lie'>>;

export interface Place {
  /** ISO 3166-1 alpha-2. */
  country: string;
  city?: string;
}

/** A host that the vendor runs beside `meet.NAME.test`. */
export interface Host {
  /** The loopback address that it listens on. */
  address: string;
  place?: Place;
  /** Answers JSON to JSON, by path. A throw is a bad request. */
  post: Record<string, (body: unknown) => unknown>;
}

export interface Specimen {
  /** The file's name, without its extension. */
  name: string;
  /** For people: one line. */
  title: string;
  truth: Truth;
  /** The words on the badge that the call shows. */
  badge: string;
  /** Where `meet.NAME.test` is, as the vendor declares it. */
  place?: Place;
  /** By label: `kms` stands for `kms.NAME.test`. */
  hosts?: Record<string, Host>;
  /** What the join reply carries beside the roster. `origins`: of the further hosts, by label. */
  config?(meeting: string, origins: Record<string, string>): Record<string, unknown>;
  /** How many can be in a meeting at a time; 4 unless given. */
  seats?: number;
  /** What the server makes of messages between participants, asked for each meeting; they pass as they are where absent. */
  relay?(meeting: string): Relay;
  /** What a link's fragment carries beside the participant's name, made of the visit's secret. Nothing where absent. */
  fragment?(secret: string): Record<string, string>;
}

/** Returns what `to` is told in the place of this message of `from`. A throw or a rejection ends the connection of `from`. */
export type Relay = (from: string, to: string, message: unknown) => unknown;

/** What the server process tells once it is up; as in {@link RunningService}. */
export interface Ready {
  origin: string;
  hosts: Record<string, string>;
  trust: string[];
}

export function hostName(specimen: Specimen, label: string): string {
  return `${label}.${specimen.name}.test`;
}

/** The service that a specimen is. Its server runs in a process of its own, which ends when this one does, however it does. */
export function serviceOf(specimen: Specimen): Service {
  const places: NonNullable<Service['places']> = {};
  if (specimen.place) places[hostName(specimen, 'meet')] = specimen.place;
  for (const [label, { place }] of Object.entries(specimen.hosts ?? {})) {
    if (place) places[hostName(specimen, label)] = place;
  }
  return {
    name: `specimen/${specimen.name}`,
    title: specimen.title,
    vendor: readVendor(fileURLToPath(new URL(`../../vendors/${specimen.name}.yaml`, import.meta.url))),
    places,
    start: () => start(specimen),
  };
}

async function start(specimen: Specimen): Promise<RunningService> {
  const { origin, hosts, trust, stop } = await startForked<Ready>(
    `specimen/${specimen.name}`,
    new URL('./server.ts', import.meta.url),
    [specimen.name],
    STEP_WITHIN,
  );
  return {
    origin,
    hosts,
    trust,
    reach: 'loopback',
    join: (page, visit) => join(page, origin, visit, specimen.fragment?.(visit.secret)),
    shares: ({ secret }) => Object.values(specimen.fragment?.(secret) ?? {}),
    leave,
    stop,
  };
}

async function join(page: Page, origin: string, visit: Visit, secrets: Record<string, string> = {}): Promise<void> {
  const { meeting, participant } = visit;
  const fragment = new URLSearchParams({ name: participant, ...secrets });
  await page.goto(`${origin}/room/${meeting}#${fragment}`, { timeout: STEP_WITHIN });
  await page.getByRole('button', { name: 'Join' }).click({ timeout: STEP_WITHIN });
  const outcome = page.locator('body[data-state=joined], body[data-state=failed]');
  await outcome.waitFor({ timeout: STEP_WITHIN });
  if ((await outcome.getAttribute('data-state')) === 'failed') {
    throw new Error(`${participant} could not join: ${await page.locator('#status').textContent()}`);
  }
}

async function leave(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Leave' }).click({ timeout: STEP_WITHIN });
  await page.locator('body[data-state=left]').waitFor({ timeout: STEP_WITHIN });
}
