import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let folder: string;
let cache: string;
let service: typeof import('./synapse.mjs');

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'synapse-'));
  cache = join(folder, 'cache');
  vi.stubEnv('XDG_CACHE_HOME', cache);
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env.PATH}`);
  mkdirSync(join(folder, 'bin'));
  vi.resetModules();
  service = await import('./synapse.mjs');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** A python3 that makes environments in which pip does what it says here, in the language of the shell; `$bin` is where programs go. */
function python(pip: string): void {
  const inner = `#!/bin/sh\nbin=$(dirname "$0")\n${pip}\n`;
  const outer = `#!/bin/sh
mkdir -p "$3/bin"
cat > "$3/bin/python3" <<'INNER'
${inner}INNER
chmod +x "$3/bin/python3"
`;
  writeFileSync(join(folder, 'bin/python3'), outer, { mode: 0o755 });
}
const PUT = `printf '#!/bin/sh\\necho "$@"' > "$bin/synapse_homeserver"; chmod +x "$bin/synapse_homeserver"`;

test('is not there before it is installed, and is afterwards', async () => {
  expect(service.find()).toEqual({ name: 'synapse', ok: false, problem: 'not installed' });
  python(`case "$*" in *matrix-synapse==[0-9]*) ${PUT};; esac`);
  await service.install();
  const { ok, path } = service.find();
  expect(ok).toBe(true);
  expect(path!.startsWith(cache)).toBe(true);
  expect(existsSync(path!)).toBe(true);
});

test.each([
  ['pip failed', 'echo "ERROR: No matching distribution" >&2; exit 1', /No matching distribution$/],
  ['pip left no program', '', /^pip left no synapse_homeserver$/],
])('leaves nothing behind where %s', async (_, pip, problem) => {
  python(pip);
  await expect(service.install()).rejects.toThrow(problem);
  expect(service.find().ok).toBe(false);
  expect(readdirSync(join(cache, 'keywitness/services/synapse'))).toEqual([]);
});
