/** Services and scenarios, each found by its file, and the claims asked for on the command line. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readVendor } from '../../scenarios/vendors/vendors.ts';
import { claims } from '../audit/catalogue.ts';
import { type Join, readJoinScript } from '../call/join-script.ts';
import { pageService } from '../call/page-service.ts';
import type { Scenario } from '../call/scenario.ts';
import type { Service } from '../call/service.ts';
import type { AskedClaim, VendorProfile } from '../recording/format.ts';
import { UsageError } from './exit.ts';

const SCENARIOS = new URL('../../scenarios/', import.meta.url);

/** Names of the services that can be run: `janus/videoroom`, `specimen/sealed`. */
export function serviceNames(): string[] {
  const services = folders('services/').flatMap((group) =>
    modules(`services/${group}/`).map((name) => `${group}/${name}`),
  );
  return [...services, ...modules('specimens/').map((name) => `specimen/${name}`)].sort();
}

export function scenarioNames(): string[] {
  return modules('').sort();
}

export interface Asked {
  /** A name, or the address of a page that joins by itself. */
  service: string;
  /** `ID` or `ID,param=value,...`; none: what the vendor states. */
  claims: string[];
  /** File with a vendor profile, in place of the service's own. */
  vendor?: string;
  /** File with PEM certificates. */
  trustUpstream?: string;
  /** File with a script that joins, for an address. */
  join?: string;
}

/** @throws UsageError */
export async function findService({ service, claims: asked, vendor, trustUpstream, join }: Asked): Promise<Service> {
  const wanted = await Promise.all(asked.map(parseClaim));
  const stated = vendor === undefined ? undefined : read(() => readVendor(vendor));
  const trust = trustUpstream === undefined ? [] : [readCertificates(trustUpstream)];
  if (/^https?:/i.test(service)) {
    if (!stated && wanted.length === 0)
      throw new UsageError(
        `${service}: say what to judge, with --claim ID or --vendor FILE (claims: ${[...(await claims()).keys()].join(', ')})`,
      );
    const profiled = profile(stated, wanted);
    await known(profiled);
    const script = join === undefined ? undefined : await readScript(join);
    return read(() => pageService(service, profiled, trust, script));
  }
  if (!serviceNames().includes(service))
    throw new UsageError(
      `unknown service ${JSON.stringify(service)}; expected an address or one of ${serviceNames().join(', ')}`,
    );
  const file = service.startsWith('specimen/') ? service.replace('specimen/', 'specimens/') : `services/${service}`;
  const found: Service = (await import(new URL(`${file}.ts`, SCENARIOS).href)).service;
  const profiled = profile(stated ?? found.vendor, wanted);
  await known(profiled);
  return { ...found, vendor: profiled };
}

/** @throws UsageError */
export async function findScenario(name: string): Promise<Scenario> {
  if (!scenarioNames().includes(name))
    throw new UsageError(`unknown scenario ${JSON.stringify(name)}; expected one of ${scenarioNames().join(', ')}`);
  return (await import(new URL(`${name}.ts`, SCENARIOS).href)).scenario;
}

/** `cipher,algorithm=AES-GCM,keyBits=256` as a claim with its parameters, checked. */
async function parseClaim(text: string): Promise<AskedClaim> {
  const [claim = '', ...pairs] = text.split(',');
  const params: AskedClaim['params'] = {};
  for (const pair of pairs) {
    const [name, value] = pair.split(/=(.*)/s);
    if (!name || value === undefined)
      throw new UsageError(`--claim ${text}: expected NAME=VALUE, found ${JSON.stringify(pair)}`);
    params[name] = /^\d+$/.test(value)
      ? Number(value)
      : value === 'true' || value === 'false'
        ? value === 'true'
        : value;
  }
  await check({ claim, params }, `--claim ${text}`);
  return { claim, params };
}

async function known({ vendor, statements }: VendorProfile): Promise<void> {
  for (const statement of statements)
    for (const claim of statement.claims) await check(claim, `vendor profile of ${vendor}`);
}

async function check({ claim, params }: AskedClaim, where: string): Promise<void> {
  const catalogue = await claims();
  const found = catalogue.get(claim);
  if (!found)
    throw new UsageError(
      `${where}: unknown claim ${JSON.stringify(claim)}; expected one of ${[...catalogue.keys()].join(', ')}`,
    );
  const parsed = found.params.safeParse(params);
  if (parsed.success) return;
  const { path, message } = parsed.error.issues[0]!;
  throw new UsageError(`${where}: ${claim}: ${[...path, message].join(': ')}`);
}

/** The statements with the claims wanted; what no statement covers is asked by whoever runs keywitness. */
function profile(vendor: VendorProfile | undefined, wanted: AskedClaim[]): VendorProfile {
  if (wanted.length === 0) return vendor!;
  const asks = (claims: AskedClaim[]) => wanted.filter((one) => claims.some(({ claim }) => claim === one.claim));
  const statements = (vendor?.statements ?? []).flatMap((statement) => {
    const claims = asks(statement.claims).map((one) =>
      Object.keys(one.params).length > 0 ? one : statement.claims.find(({ claim }) => claim === one.claim)!,
    );
    return claims.length > 0 ? [{ ...statement, claims }] : [];
  });
  const open = wanted.filter(
    (one) => !statements.some(({ claims }) => claims.some(({ claim }) => claim === one.claim)),
  );
  if (open.length > 0)
    statements.push({
      quote: `Asked on the command line: ${open.map(({ claim }) => claim).join(', ')}`,
      source: 'whoever ran keywitness; no statement of the vendor',
      date: new Date().toISOString().slice(0, 10),
      claims: open,
    });
  return { vendor: vendor?.vendor ?? 'not named', statements };
}

function readCertificates(file: string): string {
  const text = read(() => readFileSync(file, 'utf8'));
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new UsageError(`${file}: expected certificates in PEM`);
  return text;
}

async function readScript(file: string): Promise<Join> {
  try {
    return await readJoinScript(file);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function read<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n')[0]!);
  }
}

function modules(folder: string): string[] {
  const place = new URL(folder, SCENARIOS);
  if (!existsSync(place)) return [];
  return readdirSync(place)
    .filter((file) => /^[a-z0-9-]+\.ts$/.test(file))
    .map((file) => file.slice(0, -3));
}

function folders(folder: string): string[] {
  const place = new URL(folder, SCENARIOS);
  return readdirSync(place, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}
