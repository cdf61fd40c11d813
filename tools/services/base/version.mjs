/**
 * Whether a version is `wanted` (`MAJOR.MINOR`) or newer; not where it names none.
 * @param {string} version with its first two numbers anywhere in it: `go1.26.8`, `3.12`
 * @param {string} wanted
 */
export function isAtLeast(version, wanted) {
  const [major, minor] = numbers(version);
  const [wantedMajor, wantedMinor] = numbers(wanted);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function numbers(version) {
  return (/(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
}
