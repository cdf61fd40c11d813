/** Records one call: starts the service, the proxies and a browser a participant, drives the scenario, ends all of it. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Recording, Vantage } from '../recording/format.ts';
import { RecordingWriter } from '../recording/writer.ts';
import { Agreement } from '../vantage/agreement.ts';
import { ENGINES, type Engine } from '../vantage/proxy/engines.ts';
import { startWireVantage } from '../vantage/wire/wire.ts';
import type { Assisted } from './assisted.ts';
import { Call, CallError, firstLine } from './call.ts';
import { writeMedia } from './camera.ts';
import { Cleanup } from './cleanup.ts';
import { Participant } from './participant.ts';
import type { Scenario } from './scenario.ts';
import type { Service } from './service.ts';
import { software } from './software.ts';

/** ms from the start within which most services' calls connect, so that a run that can't succeed ends within 30 s. */
const CONNECT_WITHIN = 25_000;
/** Who joins a connected call shares the machine with it, and has so many times as long. */
const LATER = 3;
/** Pixels between the left edges of participants' windows, so that none hides another. */
const WINDOW_APART = 480;

/** Vantage points that cost a call little, and need nothing beside the browser. */
export const USUAL: readonly Vantage[] = ['call', 'proxy', 'page', 'rtp'];

export interface RecordOptions {
  service: Service;
  scenario: Scenario;
  /** Seconds to talk once connected. */
  seconds: number;
  /** The recording's folder, `NAME.kw`. */
  folder: string;
  signal: AbortSignal;
  /** Vantage points that record beside `call`; {@link USUAL} unless said otherwise. The proxy stands in the way in any case. */
  vantages?: readonly Vantage[];
  /** The ffmpeg that makes what `screen` records seekable. */
  ffmpeg?: string;
  /** The proxies' engine; `mockttp` unless said otherwise. */
  engine?: Engine;
  /** Who joins by hand, in windows; nobody unless given. */
  assisted?: Assisted;
  /** Folder in which each participant's browser profile is kept, by name; unless given, profiles go with their browsers. */
  profiles?: string;
  progress?(what: string): void;
}

/**
 * @returns the header of the finished recording.
 * @throws CallError if the call could not be recorded; what was recorded so far stays in the folder, marked incomplete.
 * @throws FolderError if the folder can't be written to.
 */
export async function record(options: RecordOptions): Promise<Recording> {
  const { service, scenario, signal } = options;
  signal.throwIfAborted();
  const cast = scenario.participants.map(({ name, media = true }, index) => ({ name, card: index + 1, camera: media }));
  const writer = new RecordingWriter(options.folder, {
    id: randomUUID(),
    service: { name: service.name, title: service.title },
    vendor: service.vendor,
    scenario: { name: scenario.name, seconds: options.seconds },
    participants: cast,
    places: Object.entries(service.places ?? {}).map(([host, place]) => ({
      host,
      ...place,
      source: 'declared by the service',
    })),
    software: software(),
  });
  const cleanup = new Cleanup();
  let stage: Stage | undefined;
  try {
    stage = await setStage(options, cast, new Agreement(writer), cleanup);
    await scenario.run(stage.call);
    for (const participant of stage.participants) await participant.lastLook();
    const vantagePoints = await stage.health();
    options.progress?.('ending the call');
    await cleanup.run();
    return writer.finish({ vantagePoints, outcome: { connected: stage.call.connected } });
  } catch (error) {
    const vantagePoints = (await stage?.health()) ?? [];
    await cleanup.run().catch(() => {});
    const reason = signal.aborted ? 'interrupted' : firstLine(error);
    writer.abandon({ vantagePoints, outcome: { connected: stage?.call.connected ?? false, reason } });
    signal.throwIfAborted();
    throw error instanceof CallError ? error : new CallError('recording', reason);
  }
}

/** All that a call needs, started. */
interface Stage {
  call: Call;
  participants: Participant[];
  /** Never rejects: a vantage point that can't answer is lost. */
  health(): Promise<Recording['vantagePoints']>;
}

async function setStage(
  {
    service,
    seconds,
    signal,
    folder,
    vantages = USUAL,
    ffmpeg,
    engine = 'mockttp',
    assisted,
    profiles,
    progress = () => {},
  }: RecordOptions,
  cast: Recording['participants'],
  sink: Agreement,
  cleanup: Cleanup,
): Promise<Stage> {
  const { connectWithin = CONNECT_WITHIN } = service;
  const deadlineIn = (ms: number) => assisted?.deadline(ms) ?? AbortSignal.timeout(ms);
  const deadline = deadlineIn(connectWithin);
  progress(`starting ${service.name}`);
  const running = await service.start();
  cleanup.add(() => running.stop());
  signal.throwIfAborted();

  progress(`starting ${cast.length} browsers, each behind a proxy of its own`);
  const media = mkdtempSync(join(tmpdir(), 'keywitness-media-'));
  cleanup.add(() => rmSync(media, { recursive: true, force: true }));
  const proxies = await ENGINES[engine]({
    participants: cast.map(({ name }) => name),
    hosts: running.hosts,
    trust: running.trust,
    reach: running.reach,
    // Without this vantage point the proxy still stands in the way, but nothing of it is written down.
    sink: vantages.includes('proxy') ? sink : { append() {} },
  });
  cleanup.add(() => proxies.stop());
  const own = cast.map(({ name }) => ({ name, proxyPort: proxies.port(name) }));
  const wire = vantages.includes('wire') ? await startWireVantage({ folder, participants: own, sink }) : undefined;
  cleanup.add(() => wire?.stop());
  const started = await Promise.allSettled(
    cast.map(async ({ name, card, camera }) => {
      const participant = await Participant.start({
        name,
        card,
        ...writeMedia(media, name, camera ? card : undefined),
        proxy: { port: proxies.port(name), spki: proxies.spki },
        reach: running.reach,
        window: assisted && { left: (card - 1) * WINDOW_APART },
        profile: profiles && join(profiles, name),
        vantages: { page: vantages.includes('page'), rtp: vantages.includes('rtp') },
        screen: vantages.includes('screen') ? { folder, ffmpeg } : undefined,
        wire: wire?.browser(name),
        sink,
      });
      cleanup.add(() => participant.close());
      return participant;
    }),
  );
  const failed = started.find((one) => one.status === 'rejected');
  if (failed) throw new CallError('starting the browsers', firstLine(failed.reason));
  signal.throwIfAborted();

  const participants = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const call = new Call({
    service: running,
    participants: new Map(participants.map((participant) => [participant.name, participant])),
    meeting: randomBytes(5).toString('hex'),
    secret: randomBytes(12).toString('hex'),
    seconds,
    sink,
    signal,
    deadline,
    nextDeadline: () => deadlineIn(LATER * connectWithin),
    assisted,
    progress,
  });
  const health = async () => {
    const points = (await Promise.all(participants.map((participant) => participant.health()))).flat();
    for (const point of points)
      if (point.vantage === 'page' || point.vantage === 'rtp')
        point.detail = [point.detail, sink.detail(point.participant ?? '')].filter(Boolean).join('; ');
    if (wire) points.push({ vantage: 'wire', participant: null, version: wire.version, ...(await wire.health()) });
    if (!vantages.includes('proxy')) return points;
    const proxy = { vantage: 'proxy' as const, version: proxies.version, ...(await proxies.health()) };
    return [...points, ...cast.map(({ name }) => ({ ...proxy, participant: name }))];
  };
  return { call, participants, health };
}
