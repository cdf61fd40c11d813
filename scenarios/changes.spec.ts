/** A service that changes under us: exit code 4 with the step and why, a picture of the page, and the recording so far. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { expect, test } from '@playwright/test';
import { RecordingReader } from '../harness/recording/reader.ts';
import { service as sealed } from './specimens/sealed.ts';
import { keywitness, start } from './testing/keywitness.ts';

const PNG = '89504e47';

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What an incomplete recording says of how it ended. */
function errorsIn(folder: string) {
  using reader = new RecordingReader(folder);
  expect(reader.recording.complete).toBe(false);
  const errors = [...reader.events()].filter((event) => event.type === 'call.error');
  for (const { screenshot } of errors)
    expect(Buffer.from(reader.body(screenshot!)).subarray(0, 4).toString('hex')).toBe(PNG);
  return { outcome: reader.recording.outcome, errors: errors.map(({ step, participant }) => ({ step, participant })) };
}

const JOIN = "export const join = (page) => page.getByRole('button', { name: 'Join', exact: true }).click();\n";

test.describe('a page on which the way to join is gone', () => {
  const cases: [string, string, RegExp][] = [
    ['and another is there', '<button>Enter</button>', /$/],
    [
      'and a sign-in is asked for',
      '<label>Password <input type="password"></label>',
      /; alice's page asks for a password$/,
    ],
  ];
  for (const [what, page, end] of cases)
    test(what, async ({}, info) => {
      const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(page));
      const host = await listen(server);
      const script = info.outputPath('join.ts');
      writeFileSync(script, JOIN);
      const out = info.outputPath('out.kw');
      const { code, stderr } = await keywitness([
        ...['run', `http://${host}/`, '--join', script, '--claim', 'cipher', '--out', out],
      ]);
      server.close();
      expect(code, stderr).toBe(4);
      const line = stderr.trim().split('\n').at(-1)!;
      expect(line).toMatch(
        /^keywitness: alice joins: .*waiting for getByRole\('button', \{ name: 'Join', exact: true \}\)/,
      );
      expect(line).toMatch(end);
      expect(errorsIn(out)).toEqual({
        outcome: { connected: false, reason: expect.stringContaining('alice joins') },
        errors: [{ step: 'alice joins', participant: 'alice' }],
      });
    });
});

test('a server that accepts and never answers: within 30 s', async ({}, info) => {
  const server = createTcpServer(() => {});
  const host = await listen(server);
  const out = info.outputPath('out.kw');
  const began = performance.now();
  const { code, stderr } = await keywitness(['run', `http://${host}/`, '--claim', 'cipher', '--out', out]);
  server.close();
  expect(code, stderr).toBe(4);
  expect(stderr).toContain(`keywitness: alice joins: ${host} did not answer: Timeout 15000ms exceeded`);
  expect(performance.now() - began).toBeLessThan(30_000);
  expect(errorsIn(out).errors).toEqual([{ step: 'alice joins', participant: 'alice' }]);
});

test('a server that dies in mid-call', async ({}, info) => {
  const running = await sealed.start();
  const ca = info.outputPath('ca.pem');
  writeFileSync(ca, running.trust!.join('\n'));
  const out = info.outputPath('out.kw');
  const address = `https://127.0.0.1:${new URL(running.origin!).port}/room/{meeting}#name={participant}&join`;
  const call = start([
    ...['run', address, '--trust-upstream', ca, '--claim', 'cipher', '--seconds', '600', '--out', out],
  ]);
  await call.said('the call goes on');
  // Its server is a process of its own.
  await running.stop();
  const { code, stderr } = await call.ended;
  expect(code, stderr).toBe(4);
  expect(stderr).toMatch(/keywitness: the call broke off: nothing has arrived for 25 s\n$/);
  expect(errorsIn(out)).toEqual({
    outcome: { connected: true, reason: expect.stringContaining('broke off') },
    errors: ['alice', 'bob'].map((participant) => ({ step: 'talking', participant })),
  });
});
