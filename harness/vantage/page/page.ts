/**
 * The vantage point inside pages and workers: puts the hooks of `prelude/` into each of them before its first statement,
 * and what they tell into the recording.
 */
import { randomBytes } from 'node:crypto';
import { type EventSink, SMALL_BYTES } from '../../recording/format.ts';
import { within } from '../within.ts';
import { bundle } from './bundle.ts';
import type { Cdp, CdpEvent } from './cdp.ts';
import { eventOf, parseMessage, type RealmMessage } from './events.ts';

/** A realm that doesn't answer for so long (ms) is lost. */
const ANSWER_WITHIN = 15_000;
/** Each time that so many characters came from a realm, it is told; well below what `prelude/emit.ts` lets wait. */
const ACKNOWLEDGE_EVERY = 4 * 1024 * 1024;
/** A longer message (characters) than the hooks send can't be theirs. */
const LONGEST = 9 * 1024 * 1024;
/** How many reasons for being lost are kept. */
const MOST_REASONS = 20;

const PAGES = ['page', 'iframe'];
const WORKERS = ['worker', 'shared_worker', 'service_worker', 'worklet', 'audio_worklet', 'paint_worklet'];
/** Of the browser's own making, not the page's. */
const NOT_THE_PAGES = ['browser', 'tab', 'browser_ui'];

export interface PageVantage {
  /**
   * `alive` if every message that a realm sent was recorded; of a realm that has ended, up to its last. Asks each realm;
   * a `vantage.alive` in the recording says the same.
   */
  health(): Promise<{ state: 'alive' | 'lost'; detail: string }>;
  /** Records an `rtc.transport` of each open connection, as it is now. */
  transports(): Promise<void>;
}

interface Target {
  type: string;
  url: string;
  /** The session that it was attached from: the page of a worker. */
  parent: string;
}

interface Realm {
  name: string;
  sessionId: string;
  /** Messages that arrived. */
  count: number;
  characters: number;
  acknowledged: number;
  /** The realm's `Control` (`prelude/emit.ts`), once it is there. */
  control?: string;
  /** Called when `control` is there, or will never be. */
  settled: () => void;
  introduced: Promise<void>;
}

/**
 * @param cdp the browser's protocol, root session; nothing else may set its auto-attaching.
 * @param participant prefixes the names of realms.
 * @throws Error if the hooks can't be put into the pages that are open.
 */
export async function startPageVantage(cdp: Cdp, participant: string, sink: EventSink): Promise<PageVantage> {
  const binding = `_${randomBytes(12).toString('hex')}`;
  const token = randomBytes(16).toString('hex');
  const parameters = JSON.stringify({ binding, token, smallBytes: SMALL_BYTES });
  const prelude = bundle(new URL('./prelude/prelude.ts', import.meta.url));
  const source = `(() => { const KEYWITNESS = ${parameters};\n${prelude}})();`;

  const targets = new Map<string, Target>();
  /** Workers in which the hooks have not yet spoken. */
  const silent = new Map<string, Target>();
  /** Live realms by session and execution context. */
  const realms = new Map<string, Realm>();
  const attaching: Promise<unknown>[] = [];
  const reasons: string[] = [];
  let realmCount = 0;
  let recorded = 0;
  let malformed = 0;

  const lose = (reason: string) => {
    if (reasons.length === MOST_REASONS || reasons.includes(reason)) return;
    reasons.push(reason);
    sink.append({ participant, vantage: 'page', type: 'vantage.lost', reason });
  };

  function attached(sessionId: string, target: Target, isPaused: boolean): Promise<unknown> {
    targets.set(sessionId, target);
    const send = (method: string, params?: object) => cdp.send(method, params, { sessionId });
    const isPage = PAGES.includes(target.type);
    const isWorker = WORKERS.includes(target.type);
    const steps: Promise<unknown>[] = [];
    if (isPage || isWorker) {
      const isBlank = target.url === '' || target.url === 'about:blank';
      if (!isPaused && !(isPage && isBlank)) lose(`${titled(target)} ran before the hooks were in it`);
      steps.push(send('Runtime.enable'), send('Runtime.addBinding', { name: binding }));
    }
    // Worklets have no workers of their own.
    if (isPage || /worker$/.test(target.type)) steps.push(send('Target.setAutoAttach', AUTO_ATTACH));
    if (isPage) {
      steps.push(send('Page.enable'));
      steps.push(send('Page.addScriptToEvaluateOnNewDocument', { source, runImmediately: true }));
    }
    if (isWorker) {
      silent.set(sessionId, target);
      steps.push(
        send('Runtime.evaluate', { expression: source }).then(({ exceptionDetails }) => {
          if (exceptionDetails) lose(`the hooks failed in ${titled(target)}: ${firstLine(exceptionDetails)}`);
        }),
      );
    }
    steps.push(send('Runtime.runIfWaitingForDebugger'));
    return Promise.all(steps).catch((error) => {
      // A target may well end while it is being attached to.
      if (targets.has(sessionId)) lose(`the hooks could not be put into ${titled(target)}: ${error.message}`);
    });
  }

  function message(sessionId: string, context: number, payload: unknown): void {
    const parsed = String(payload).length <= LONGEST ? parseMessage(payload) : undefined;
    const target = targets.get(sessionId);
    if (!parsed || !target) {
      bad(`a message from ${target ? titled(target) : 'nowhere'} is not the hooks' own`);
      return;
    }
    const id = `${sessionId} ${context}`;
    if (parsed.type === 'hello') realms.set(id, welcome(sessionId, target, parsed));
    const realm = realms.get(id);
    if (!realm) {
      bad(`a message from a realm of ${titled(target)} that has not begun`);
      return;
    }
    if (parsed.n !== realm.count) lose(`${parsed.n - realm.count} messages of realm ${realm.name} did not arrive`);
    realm.count = parsed.n + 1;
    realm.characters += (payload as string).length;
    if (realm.control && realm.characters - realm.acknowledged > ACKNOWLEDGE_EVERY) acknowledge(realm, realm.control);
    if (parsed.type === 'lost') lose(`realm ${realm.name}: ${String(parsed.fields.reason)}`);
    else if (parsed.type !== 'hello') record(parsed, realm.name);
  }

  function record(parsed: RealmMessage, realm: string): void {
    try {
      sink.append(eventOf(parsed, participant, realm));
      recorded++;
    } catch (error) {
      bad(`realm ${realm}: ${(error as Error).message}`);
    }
  }

  function bad(reason: string): void {
    malformed++;
    lose(`malformed: ${reason.slice(0, 300)}`);
  }

  function welcome(sessionId: string, target: Target, { fields }: RealmMessage): Realm {
    silent.delete(sessionId);
    const name = `${participant}:${realmCount++}`;
    const kind = typeof fields.kind === 'string' ? fields.kind : target.type;
    const url = typeof fields.url === 'string' ? fields.url : target.url;
    sink.append({ participant, vantage: 'page', type: 'vantage.realm', realm: name, kind, url });
    let settled = () => {};
    const introduced = new Promise<void>((resolve) => {
      settled = resolve;
    });
    return { name, sessionId, count: 0, characters: 0, acknowledged: 0, settled, introduced };
  }

  /** The realm's own console message that carries its control; never the page's, which doesn't know the token. */
  function consoleCall(sessionId: string, context: number, [first, second]: { value?: unknown; objectId?: string }[]) {
    const realm = realms.get(`${sessionId} ${context}`);
    if (first?.value !== token || !second?.objectId || !realm) return;
    realm.control = second.objectId;
    realm.settled();
    // The page's `console.clear()` would take the first handle away.
    const kept = { objectId: second.objectId, functionDeclaration: SELF, objectGroup: token };
    const answer = cdp.send('Runtime.callFunctionOn', kept, { sessionId });
    answer.then(
      ({ result }) => {
        realm.control = (result as { objectId: string }).objectId;
      },
      () => {},
    );
  }

  function acknowledge(realm: Realm, objectId: string): void {
    realm.acknowledged = realm.characters;
    const call = { objectId, functionDeclaration: ACKNOWLEDGE, arguments: [{ value: realm.characters }] };
    cdp.send('Runtime.callFunctionOn', call, { sessionId: realm.sessionId }).catch(() => {});
  }

  function ended(isOver: (id: string) => boolean): void {
    for (const [id, realm] of realms) {
      if (!isOver(id)) continue;
      realms.delete(id);
      realm.settled();
    }
  }

  function event({ method, params, sessionId = '' }: CdpEvent): void {
    if (method === 'Runtime.bindingCalled') {
      if (params.name === binding) message(sessionId, params.executionContextId as number, params.payload);
    } else if (method === 'Runtime.consoleAPICalled')
      consoleCall(sessionId, params.executionContextId as number, params.args as []);
    else if (method === 'Runtime.executionContextDestroyed')
      ended((id) => id === `${sessionId} ${params.executionContextId}`);
    else if (method === 'Runtime.executionContextsCleared') ended((id) => id.startsWith(`${sessionId} `));
    else if (method === 'Target.attachedToTarget') {
      const { type, url } = params.targetInfo as { type: string; url: string };
      const target = { type, url, parent: sessionId };
      const done = attached(params.sessionId as string, target, params.waitingForDebugger as boolean);
      if (!isStarted) attaching.push(done);
    } else if (method === 'Target.detachedFromTarget') detached(params.sessionId as string);
  }

  /** With a target end the ones that were attached from it; of these the browser doesn't tell. */
  function detached(sessionId: string): void {
    targets.delete(sessionId);
    silent.delete(sessionId);
    ended((id) => id.startsWith(`${sessionId} `));
    for (const [child, { parent }] of targets) if (parent === sessionId) detached(child);
  }

  /** Calls a function of the realm's control; undefined if the realm ended meanwhile. */
  async function ask(id: string, realm: Realm, functionDeclaration: string): Promise<unknown> {
    try {
      // A realm that has only just begun says its first word before it hands over its control.
      await within(ANSWER_WITHIN, realm.introduced);
      if (!realm.control) throw new Error('its control did not arrive');
      const call = { objectId: realm.control, functionDeclaration, returnByValue: true, awaitPromise: true };
      const options = { sessionId: realm.sessionId, timeout: ANSWER_WITHIN };
      const { result, exceptionDetails } = await cdp.send('Runtime.callFunctionOn', call, options);
      if (exceptionDetails) throw new Error(firstLine(exceptionDetails));
      return (result as { value?: unknown }).value;
    } catch (error) {
      if (realms.get(id) === realm) lose(`realm ${realm.name} does not answer: ${(error as Error).message}`);
      return undefined;
    }
  }

  let isStarted = false;
  cdp.onEvent(event);
  cdp.onDropped((bytes) => lose(`a message of ${bytes} bytes was too long to read`));
  await cdp.send('Target.setAutoAttach', AUTO_ATTACH);
  isStarted = true;
  await Promise.all(attaching);
  if (reasons.length > 0) throw new Error(`the hooks could not be put into the browser: ${reasons.join('; ')}`);

  return {
    async health() {
      await Promise.all(
        [...realms].map(async ([id, realm]) => {
          const count = await ask(id, realm, COUNT);
          // What a realm sends arrives before its later answers do.
          if (typeof count === 'number' && count > realm.count)
            lose(`the last ${count - realm.count} messages of realm ${realm.name} did not arrive`);
        }),
      );
      for (const target of silent.values()) lose(`the hooks never spoke in ${titled(target)}`);
      const seen = `${recorded} events from ${realmCount} realms`;
      if (reasons.length > 0) {
        const dropped = malformed > 0 ? `; ${malformed} malformed messages dropped` : '';
        return { state: 'lost', detail: `${reasons.join('; ')} (${seen}${dropped})` };
      }
      sink.append({ participant, vantage: 'page', type: 'vantage.alive', detail: seen });
      return { state: 'alive', detail: seen };
    },
    async transports() {
      await Promise.all([...realms].map(([id, realm]) => ask(id, realm, TRANSPORTS)));
    },
  };
}

const AUTO_ATTACH = {
  autoAttach: true,
  waitForDebuggerOnStart: true,
  flatten: true,
  filter: [...NOT_THE_PAGES.map((type) => ({ type, exclude: true })), {}],
};

const SELF = 'function () { return this; }';
const COUNT = 'function () { return this.count(); }';
const ACKNOWLEDGE = 'function (characters) { this.acknowledge(characters); }';
const TRANSPORTS = 'function () { return this.transports(); }';

function titled({ type, url }: Target): string {
  return `${type.replace('_', ' ')} ${url.slice(0, 200)}`;
}

function firstLine(exceptionDetails: unknown): string {
  const { text, exception } = exceptionDetails as { text?: string; exception?: { description?: string } };
  return (exception?.description ?? text ?? 'unknown').split('\n')[0]!.slice(0, 300);
}
