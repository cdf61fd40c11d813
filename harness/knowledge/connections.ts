/** Peer connections as the pages described them, and where their other end is: told by certificate fingerprints. */
import { type RtpMap, readRtpMap } from '../media/codecs.ts';
import type { RecordedEvent } from '../recording/format.ts';

/**
 * The other end is the provider's server, another participant's browser, another connection of the participant's own browser (nothing
 * leaves it), or nobody knows.
 */
export type Route = 'provider' | 'direct' | 'own' | 'unknown';

export interface Connection {
  /** Session descriptions (RFC 8866). */
  local: string[];
  remote: string[];
  /** Fingerprints of the certificates that DTLS used, as the browser's own statistics say. */
  certificates: { local: string[]; remote: string[] };
}

/** More descriptions of one connection than this aren't read: renegotiations of a long meeting stay below. */
const MOST_DESCRIPTIONS = 64;

/** Gathers connections from a recording's events, fed in order. */
export class Connections {
  readonly #participants: readonly string[];
  readonly #lost: Set<string>;
  readonly #all = new Map<string, Map<string, Connection>>();

  /**
   * @param participants all of the call.
   * @param lost those of whose pages not all is known, beside those of whom events say so.
   */
  constructor(participants: readonly string[] = [], lost: Iterable<string> = []) {
    this.#participants = participants;
    this.#lost = new Set(lost);
  }

  see(event: RecordedEvent): void {
    if (event.type === 'vantage.lost' && event.vantage === 'page') this.#lost.add(event.participant ?? '');
    if (event.type !== 'rtc.description' && event.type !== 'rtc.transport') return;
    const name = event.participant ?? '';
    const own = this.#all.get(name) ?? new Map<string, Connection>();
    this.#all.set(name, own);
    const connection = own.get(event.connection) ?? { local: [], remote: [], certificates: { local: [], remote: [] } };
    own.set(event.connection, connection);
    if (event.type === 'rtc.transport') {
      const { local, remote } = connection.certificates;
      if (event.localCertificate && local.length < MOST_DESCRIPTIONS) local.push(event.localCertificate.toLowerCase());
      if (event.remoteCertificate && remote.length < MOST_DESCRIPTIONS)
        remote.push(event.remoteCertificate.toLowerCase());
      return;
    }
    if (connection[event.side].length < MOST_DESCRIPTIONS) connection[event.side].push(event.sdp);
  }

  /** A participant's connections. */
  of(participant: string): Connection[] {
    return [...(this.#all.get(participant)?.values() ?? [])];
  }

  /**
   * The one of its connections that a participant sends a stream on; undefined where descriptions say none, or several. A page can
   * claim any stream for a connection within the browser: this is believed where all others say which streams are theirs.
   */
  sending(participant: string, ssrc: number): Connection | undefined {
    const connections = this.of(participant);
    const all = connections.filter(({ local }) => readRtpMap(local).ssrcs.has(ssrc));
    const one = all.length === 1 ? all[0] : undefined;
    if (!one || this.route(participant, one) !== 'own') return one;
    const leaving = connections.filter((other) => this.route(participant, other) !== 'own');
    return leaving.every(saysWhatItSends) ? one : undefined;
  }

  /** What the descriptions say of a participant's payload types: of one connection, or of all where it isn't known which. */
  rtpMap(participant: string, connection?: Connection): RtpMap {
    const all = connection ? [connection] : this.of(participant);
    return readRtpMap(all.flatMap(({ local, remote }) => [...remote, ...local]));
  }

  /** One of a participant's connections. */
  named(participant: string, name: string): Connection | undefined {
    return this.#all.get(participant)?.get(name);
  }

  /** By name, where the other end of a participant's connection is; of all its connections unless one is named. */
  routeOf(participant: string, name: string): Route {
    return this.route(participant, this.named(participant, name));
  }

  /**
   * A connection is direct where the certificate that the far end was told to have (RFC 8122, checked by DTLS) is one that
   * another participant's browser has, and goes nowhere where it is that of another connection of the participant's own. Who is alone
   * in a call has nobody but the provider at the far end.
   */
  route(participant: string, connection?: Connection): Route {
    const others = new Set<string>();
    for (const [name, connections] of this.#all)
      if (name !== participant)
        for (const { local } of connections.values()) for (const print of local.flatMap(prints)) others.add(print);
    const all = this.of(participant);
    const own = new Set(all.filter((one) => one !== connection).flatMap(({ local }) => local.flatMap(prints)));
    const remote = (connection ? [connection] : all).flatMap((one) => one.remote.flatMap(prints));
    if (remote.length === 0) return 'unknown';
    if (remote.some((print) => own.has(print))) return this.#isLooped(participant, connection, own) ? 'own' : 'unknown';
    const direct = remote.filter((print) => others.has(print)).length;
    // Whose certificates nobody saw may be at the far end.
    if (direct === 0) return this.#areAllSeen(participant) ? 'provider' : 'unknown';
    return direct === remote.length ? 'direct' : 'unknown';
  }

  /** Whether DTLS joined a connection to another one of the same participant: each saw the other's certificate, and no further one. */
  #isLooped(participant: string, connection: Connection | undefined, own: ReadonlySet<string>): boolean {
    if (!connection?.remote.flatMap(prints).every((print) => own.has(print))) return false;
    const { local, remote } = connection.certificates;
    const far = this.of(participant).filter((one) => one !== connection);
    return (
      remote.length > 0 &&
      remote.every((print) =>
        far.some(
          ({ certificates }) =>
            certificates.local.includes(print) && certificates.remote.some((seen) => local.includes(seen)),
        ),
      )
    );
  }

  #areAllSeen(participant: string): boolean {
    if (!this.#participants.includes(participant)) return false;
    return this.#participants
      .filter((name) => name !== participant)
      .every(
        (name) =>
          !this.#lost.has(name) && this.of(name).some(({ local }) => local.some((sdp) => prints(sdp).length > 0)),
      );
  }

  /** Whether the certificate that DTLS saw at the far end of a connection is one that another participant's browser used. */
  isSecured(participant: string, connection: Connection): boolean {
    const { remote } = connection.certificates;
    const others = [...this.#all].filter(([name]) => name !== participant).flatMap(([, own]) => [...own.values()]);
    return (
      remote.length > 0 &&
      remote.every((print) => others.some(({ certificates }) => certificates.local.includes(print)))
    );
  }
}

/** Whether each section that may send (RFC 8866, 6.7) lists its streams (RFC 5576), in all descriptions; those of simulcast have no list. */
function saysWhatItSends({ local }: Connection): boolean {
  return (
    local.length < MOST_DESCRIPTIONS &&
    local.every((sdp) =>
      sdp
        .split(/^(?=m=)/m)
        .filter((section) => /^m=(?:audio|video) /.test(section) && !/^a=(?:recvonly|inactive)\s*$/m.test(section))
        .every((section) => /^a=ssrc:/m.test(section) && !/^a=(?:rid|simulcast):/m.test(section)),
    )
  );
}

/** Certificate fingerprints of a description (RFC 8122, 5), in lower case. */
function prints(sdp: string): string[] {
  return [...sdp.matchAll(/^a=fingerprint:([^\r\n]{1,300})/gm)].map((match) => match[1]!.trim().toLowerCase());
}
