/** Synapse as a child process, with a configuration and a database of its own, on loopback alone and without federation. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { find } from '../../../../tools/services/synapse.mjs';
import { inFolder, type RunningProgram, startProgram } from '../../../base/program.ts';

const ADDRESS = '127.0.0.1';
/** In the names of users and rooms; `.test` is nobody's (RFC 2606). */
const SERVER_NAME = 'keywitness.test';
/** ms until Synapse must be up; it takes 2 to 3 s, most of it to make its database. */
const START_WITHIN = 60_000;

export interface Synapse extends RunningProgram {
  /** Where its client API is: `http://127.0.0.1:PORT`. */
  url: string;
  /** What stands after the colon in the names of its users. */
  serverName: string;
  /** With which accounts are registered, by `/_synapse/admin/v1/register`. */
  registrationSecret: string;
}

/**
 * @param livekitService where clients get tokens for LiveKit, which Synapse tells them (MSC4143).
 * @throws Error of one line: not installed, or what Synapse itself complained of.
 */
export async function startSynapse(livekitService: string): Promise<Synapse> {
  const { path } = find();
  if (!path) throw new Error("Synapse isn't installed: node tools/services.mjs install synapse");
  const registrationSecret = randomBytes(32).toString('hex');
  return inFolder('synapse', async (folder) => {
    const file = join(folder, 'homeserver.yaml');
    await writeFile(file, configuration(folder, registrationSecret, livekitService), { mode: 0o600 });
    const { ready: port, ...running } = await startProgram({
      name: 'Synapse',
      path,
      args: ['--config-path', file],
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder },
      startWithin: START_WITHIN,
      read: (line) => ({
        // Its log has the level in its fourth field; what it ends with is plain text.
        complaint: !/^\d{4}-/.test(line) || / - (ERROR|CRITICAL) - /.test(line) ? line.trim() : undefined,
        ready: /Synapse now listening on TCP port (\d+)/.exec(line)?.[1],
      }),
    });
    return { ...running, url: `http://${ADDRESS}:${port}`, serverName: SERVER_NAME, registrationSecret };
  });
}

/**
 * Synapse's own names (https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html). What Element Call
 * needs is in its docs/self-hosting.md: delayed events (MSC4140) and `state_after` (MSC4222). The `openid` resource is where the
 * token service asks whose a token is. JSON is YAML.
 */
function configuration(folder: string, registrationSecret: string, livekitService: string): string {
  const secret = () => randomBytes(32).toString('base64').replace(/=+$/, '');
  return JSON.stringify({
    server_name: SERVER_NAME,
    listeners: [
      {
        // Whichever is free; Synapse says which.
        port: 0,
        type: 'http',
        bind_addresses: [ADDRESS],
        resources: [{ names: ['client', 'openid'], compress: false }],
      },
    ],
    database: { name: 'sqlite3', args: { database: join(folder, 'homeserver.db') } },
    signing_key: `ed25519 a_1 ${secret()}`,
    macaroon_secret_key: secret(),
    form_secret: secret(),
    registration_shared_secret: registrationSecret,
    // Passwords are random, and the machine has better to do.
    bcrypt_rounds: 4,
    max_event_delay_duration: '24h',
    matrix_rtc: { transports: [{ type: 'livekit', livekit_service_url: livekitService }] },
    experimental_features: { msc4143_enabled: true, msc4222_enabled: true },
    // Nothing that would reach out.
    federation_domain_whitelist: [],
    trusted_key_servers: [],
    report_stats: false,
    enable_media_repo: false,
    presence: { enabled: false },
    // Two people in one call come close to limits that are made for thousands.
    rc_login: { address: UNLIMITED, account: UNLIMITED, failed_attempts: UNLIMITED },
    rc_joins: { local: UNLIMITED, remote: UNLIMITED },
    ...Object.fromEntries(LIMITS.map((limit) => [limit, UNLIMITED])),
  });
}

const UNLIMITED = { per_second: 1000, burst_count: 1000 };
const LIMITS = ['rc_message', 'rc_registration', 'rc_joins_per_room', 'rc_delayed_event_mgmt', 'rc_room_creation'];
