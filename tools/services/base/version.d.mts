/** Whether a version is `wanted` (`MAJOR.MINOR`) or newer; its first two numbers may stand anywhere in it: `go1.26.8`. */
export function isAtLeast(version: string, wanted: string): boolean;
