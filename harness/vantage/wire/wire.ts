/**
 * The vantage point `wire`: the packets of the call as they crossed the network interfaces, between browsers and their proxies and
 * between browsers and media servers or each other, as `wire.pcapng` in the recording's folder. TLS's secrets are in it, so that
 * Wireshark opens it decrypted. SRTP stays sealed: DTLS 1.3's secrets are in no key log of Chromium's. What a proxy exchanges with
 * servers is left out; the vantage point `proxy` has it in the clear.
 *
 * Needs Wireshark's dumpcap, and to be allowed to capture: docs/decisions/011-wire.md.
 */
import { closeSync, createReadStream, openSync, rmSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventSink } from '../../recording/format.ts';
import { digest } from '../digest.ts';
import { type Capture, findDumpcap, injectSecrets, startCapture } from './dumpcap.ts';
import { type PortBlock, type ReservedPorts, reservePorts } from './ports.ts';

const FILE = 'wire.pcapng';
/** A key log, until its secrets are in the capture. */
const KEYS = 'tls.keys';
const PRIVATE_FILE = 0o600;
/** The last packet's text. */
const END = 'keywitness: the call is over';
/** ms until a packet that was sent is in the file. dumpcap gets packets from the kernel every 250 ms or more often. */
const WRITTEN_WITHIN = 10_000;
const LOOK_EVERY = 50;

export interface WireOptions {
  /** The recording's folder. */
  folder: string;
  /** With the port on 127.0.0.1 of each one's proxy. */
  participants: { name: string; proxyPort: number }[];
  sink: EventSink;
}

/** What a browser is told, so that its packets can be found and read. */
export interface WireBrowser {
  /** UDP ports that are its own. */
  udpPorts: PortBlock;
  /** File to which it adds the secrets of its TLS connections. */
  keyLog: string;
}

export interface WireVantage {
  version: string;
  /** @throws Error if there is no such participant */
  browser(participant: string): WireBrowser;
  /** Ends the capture and puts the secrets into it. May be called again; never rejects. */
  stop(): Promise<void>;
  /** To be asked when the call is over: ends the capture as well. Never rejects. */
  health(): Promise<{ state: 'alive' | 'lost'; detail: string }>;
}

/**
 * @returns once packets are captured.
 * @throws Error of one line that says why they can't be; nothing is left behind then.
 */
export async function startWireVantage({ folder, participants, sink }: WireOptions): Promise<WireVantage> {
  const dumpcap = findDumpcap();
  if (!dumpcap) throw cannotCapture('dumpcap was not found on the PATH');
  const ports = await reservePorts(participants.length).catch((error: Error) => {
    throw cannotCapture(error.message);
  });
  const blocks = new Map(participants.map(({ name }, index) => [name, ports.blocks[index]!]));
  const comments = participants.map(({ name, proxyPort }) => {
    const { first, last } = blocks.get(name)!;
    return `${name}: proxy on 127.0.0.1, TCP port ${proxyPort}; media on UDP ports ${first} to ${last}`;
  });
  const filter = filterOf(
    participants.map(({ proxyPort }) => proxyPort),
    ports,
  );
  const path = join(folder, FILE);
  const keyLog = join(folder, KEYS);
  try {
    closeSync(openSync(keyLog, 'wx', PRIVATE_FILE));
    const capture = await startCapture(path, filter, comments);
    return new Wire(dumpcap.version, path, { udpPorts: blocks, keyLog }, capture, ports, sink);
  } catch (error) {
    ports.release();
    for (const left of [path, keyLog]) rmSync(left, { force: true });
    throw cannotCapture((error as Error).message);
  }
}

/** Passes what is of or for the ports of browsers on this machine (pcap-filter(7)); others may use the same ports elsewhere. */
function filterOf(proxyPorts: number[], { blocks, marker }: ReservedPorts): string {
  const own = Object.values(networkInterfaces()).flatMap((face) => face?.map(({ address }) => address) ?? []);
  const media = ['src', 'dst'].map((end) => {
    const addresses = own.map((address) => `${end} host ${address}`).join(' or ');
    const ranges = blocks.map(({ first, last }) => `${end} portrange ${first}-${last}`).join(' or ');
    return `(udp and (${addresses}) and (${ranges}))`;
  });
  const proxies = proxyPorts.map((port) => `tcp port ${port}`);
  return [...media, `(host 127.0.0.1 and (${[...proxies, `udp port ${marker}`].join(' or ')}))`].join(' or ');
}

function cannotCapture(reason: string): Error {
  return new Error(`the packets of the call can't be recorded: ${reason}`);
}

class Wire implements WireVantage {
  readonly version: string;
  readonly #path: string;
  readonly #told: { udpPorts: ReadonlyMap<string, PortBlock>; keyLog: string };
  readonly #capture: Capture;
  readonly #ports: ReservedPorts;
  readonly #sink: EventSink;
  #state: { state: 'alive' | 'lost'; detail: string } | undefined;
  #stopping: Promise<void> | undefined;

  constructor(
    version: string,
    path: string,
    told: { udpPorts: ReadonlyMap<string, PortBlock>; keyLog: string },
    capture: Capture,
    ports: ReservedPorts,
    sink: EventSink,
  ) {
    this.version = `dumpcap ${version}`;
    this.#path = path;
    this.#told = told;
    this.#capture = capture;
    this.#ports = ports;
    this.#sink = sink;
    capture.ended.then(({ problem }) => {
      if (problem) sink.append({ participant: null, vantage: 'wire', type: 'vantage.lost', reason: problem });
    });
  }

  browser(participant: string): WireBrowser {
    const udpPorts = this.#told.udpPorts.get(participant);
    if (!udpPorts) throw new Error(`${participant} has no UDP ports`);
    return { udpPorts, keyLog: this.#told.keyLog };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async health(): Promise<{ state: 'alive' | 'lost'; detail: string }> {
    await this.stop();
    return this.#state!;
  }

  async #stop(): Promise<void> {
    const end = await this.#written();
    const { packets, dropped, problem = end } = await this.#capture.stop();
    this.#ports.release();
    const remarks: string[] = [];
    let lost = problem;
    try {
      const open = await this.#inject();
      if (open) remarks.push(`TLS's secrets stay in ${KEYS}: ${open}`);
      this.#sink.append({
        ...{ participant: null, vantage: 'wire', type: 'wire.kept', file: FILE, packets, dropped },
        ...(await digest(this.#path)),
      });
    } catch (error) {
      lost ??= `${FILE}: ${(error as Error).message}`;
    }
    if (dropped > 0) lost ??= `${dropped} packets came too fast`;
    // One is ours.
    if (packets <= 1) lost ??= 'no packet of the call was seen';
    const seen = [`${packets} packets`, ...remarks].join('; ');
    this.#state = lost ? { state: 'lost', detail: `${lost} (${seen})` } : { state: 'alive', detail: seen };
  }

  /** Waits until all packets of the call are written: those before a last one of ours. @returns what went wrong */
  async #written(): Promise<string | undefined> {
    const over = new AbortController();
    this.#capture.ended.then(() => over.abort());
    const late = AbortSignal.timeout(WRITTEN_WITHIN);
    try {
      const from = statSync(this.#path).size;
      await this.#ports.mark(END);
      await untilHolds(this.#path, END, from, AbortSignal.any([over.signal, late]));
      return undefined;
    } catch (error) {
      return late.aborted ? `its last packet was not written within ${WRITTEN_WITHIN} ms` : (error as Error).message;
    }
  }

  /** @returns why the key log could not be put into the capture, and stays. */
  async #inject(): Promise<string | undefined> {
    const { keyLog } = this.#told;
    // A call over plain HTTP has none.
    const problem = statSync(keyLog).size === 0 ? undefined : await injectSecrets(this.#path, keyLog);
    if (problem === undefined) rmSync(keyLog);
    return problem;
  }
}

/** Resolves once a file that grows holds a text, from some offset on. @throws what the signal was aborted with */
async function untilHolds(path: string, text: string, from: number, signal: AbortSignal): Promise<void> {
  let kept: Buffer = Buffer.alloc(0);
  for (let offset = from; ; ) {
    for await (const piece of createReadStream(path, { start: offset }) as AsyncIterable<Buffer>) {
      offset += piece.length;
      kept = Buffer.concat([kept, piece]);
      if (kept.includes(text)) return;
      kept = kept.subarray(-text.length);
    }
    await delay(LOOK_EVERY, undefined, { signal });
  }
}
