/** What watching costs a call. Calls with and without vantage points take turns, so that the machine's moods strike both. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { record } from '../../harness/call/record.ts';
import type { Scenario } from '../../harness/call/scenario.ts';
import type { Service } from '../../harness/call/service.ts';
import { judgeFolder } from '../../harness/cli/audit.ts';
import type { Vantage } from '../../harness/recording/format.ts';
import { service as sealed } from '../../scenarios/specimens/sealed.ts';
import type { Report } from './report.ts';

const SECONDS = 10;
const ROUNDS = 2;
/** Clock ticks of /proc/PID/stat a second: USER_HZ, 100 on every Linux that runs Node. */
const TICKS = 100;

interface Cost {
  frames: number;
  cpu: number;
  seconds: number;
}

export async function bench(report: Report): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'keywitness-bench-'));
  try {
    const without: Cost[] = [];
    const watched: Cost[] = [];
    let last = '';
    for (let round = 0; round < ROUNDS; round++) {
      without.push(await call([], join(folder, `without-${round}.kw`)));
      last = join(folder, `watched-${round}.kw`);
      watched.push(await call(['proxy', 'page', 'rtp'], last));
    }
    const fps = (costs: Cost[]) => sum(costs, 'frames') / sum(costs, 'seconds');
    const cpu = (costs: Cost[]) => sum(costs, 'cpu') / sum(costs, 'seconds');
    const began = performance.now();
    await judgeFolder(last, { report: true });
    const seconds = (performance.now() - began) / 1000;
    const bytes = sizeOf(last);
    report({
      what: 'frames per second at the receivers, watched / not',
      ratio: fps(watched) / fps(without),
      detail: `${fps(watched).toFixed(1)} / ${fps(without).toFixed(1)} fps`,
      aim: '>= 0.97',
    });
    report({
      what: 'CPU of browsers and harness, watched / not',
      ratio: cpu(watched) / cpu(without),
      detail: `${cpu(watched).toFixed(2)} / ${cpu(without).toFixed(2)} cores`,
      aim: '<= 1.5',
    });
    report({
      what: "call's end to report / call's length",
      ratio: seconds / SECONDS,
      detail: `${seconds.toFixed(2)} s / ${SECONDS} s`,
      aim: '<= 0.2',
    });
    report({
      what: 'audit, MB of recording a second',
      ratio: bytes / 1e6 / seconds,
      detail: `${(bytes / 1e6).toFixed(1)} MB / ${seconds.toFixed(2)} s`,
      aim: '',
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bytes of a recording. */
export function sizeOf(recording: string): number {
  return readdirSync(recording)
    .filter((name) => name === 'events.jsonl' || name === 'bodies.pack')
    .reduce((all, name) => all + statSync(join(recording, name)).size, 0);
}

/** Two people on `specimen/sealed`; what their browsers decode and what it all costs, from connected to leaving. */
export async function call(vantages: Vantage[], out: string): Promise<Cost> {
  process.stderr.write(`a call with ${vantages.join(', ') || 'no vantage points'}\n`);
  const pages: Page[] = [];
  const service: Service = {
    ...sealed,
    async start() {
      const running = await sealed.start();
      return {
        ...running,
        async join(page, visit) {
          pages.push(page);
          await running.join(page, visit);
        },
      };
    },
  };
  let cost: Cost | undefined;
  const scenario: Scenario = {
    name: 'bench',
    title: 'Two people talk.',
    participants: [{ name: 'alice' }, { name: 'bob' }],
    async run(call) {
      await call.join('alice');
      await call.join('bob');
      await call.untilConnected();
      const before = await measure(pages);
      await call.talk();
      const after = await measure(pages);
      cost = {
        frames: (after.frames - before.frames) / pages.length,
        cpu: after.cpu - before.cpu,
        seconds: (after.at - before.at) / 1000,
      };
      await call.leave('bob');
      await call.leave('alice');
    },
  };
  await record({ service, scenario, seconds: SECONDS, folder: out, signal: new AbortController().signal, vantages });
  return cost!;
}

async function measure(pages: Page[]): Promise<{ frames: number; cpu: number; at: number }> {
  const counts = await Promise.all(
    pages.map((page) =>
      page.evaluate(() =>
        [...document.querySelectorAll<HTMLVideoElement>('video[id^=remote]')]
          .map((video) => video.getVideoPlaybackQuality().totalVideoFrames)
          .reduce((all, one) => all + one, 0),
      ),
    ),
  );
  return { frames: counts.reduce((all, one) => all + one, 0), cpu: cpuSeconds(), at: performance.now() };
}

/** CPU seconds so far of this process and all that descend from it. */
function cpuSeconds(): number {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ');
        return [{ pid: Number(pid), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
      } catch {
        return [];
      }
    });
  const family = new Set([process.pid]);
  for (let grown = true; grown; ) {
    const size = family.size;
    for (const { pid, parent } of stats) if (family.has(parent)) family.add(pid);
    grown = family.size > size;
  }
  return stats.filter(({ pid }) => family.has(pid)).reduce((all, { ticks }) => all + ticks, 0) / TICKS;
}

function sum(costs: Cost[], field: keyof Cost): number {
  return costs.reduce((all, cost) => all + cost[field], 0);
}
