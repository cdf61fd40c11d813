/** Debian's packages. Needs Node alone. */
import { inPath } from './path.mjs';
import { run } from './place.mjs';

/** ms in which sudo says whether it asks for a password. */
const ASK_WITHIN = 5_000;
/** A mirror that isn't reached is not waited for; another apt-get that runs is. */
const OPTIONS = [
  'Acquire::Retries=1',
  'Acquire::http::Timeout=15',
  'Acquire::https::Timeout=15',
  'DPkg::Lock::Timeout=120',
].flatMap((option) => ['-o', option]);

/**
 * Installs packages with apt-get, as root or with a sudo that asks for no password.
 * @param {string[]} packages
 * @throws Error of one line, which says what to run by hand where apt-get can't be used.
 */
export async function aptInstall(packages) {
  const prefix = await aptPrefix();
  if (!prefix) throw new Error(`${packages.join(' and ')}: needs root; run \`apt-get install ${packages.join(' ')}\``);
  const aptGet = (...args) => {
    const [command, ...rest] = [
      ...prefix,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-q',
      ...OPTIONS,
      ...args,
    ];
    return run(command, rest);
  };
  // Lists that could be updated only in part, or not at all, may still do.
  await aptGet('update').catch(() => {});
  await aptGet('-y', '--no-install-recommends', 'install', ...packages);
}

/** What stands before `apt-get` for it to install: nothing for root; undefined if it can't. */
async function aptPrefix() {
  if (!inPath('apt-get')) throw new Error("apt-get isn't there; install Debian's packages by hand");
  if (process.getuid() === 0) return [];
  if (!inPath('sudo')) return undefined;
  return run('sudo', ['-n', 'true'], { timeout: ASK_WITHIN }).then(
    () => ['sudo', '-n'],
    () => undefined,
  );
}
