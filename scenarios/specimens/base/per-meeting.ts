import { randomBytes } from 'node:crypto';

/** What a server has for each meeting; `make` makes it when it is first asked for. */
export function perMeeting<T>(make: (meeting: string) => T): (meeting: string) => T {
  const made = new Map<string, T>();
  return (meeting) => {
    if (!made.has(meeting)) made.set(meeting, make(meeting));
    return made.get(meeting)!;
  };
}

/** So many random bytes for each meeting, in base64url. */
export function randomPerMeeting(bytes: number): (meeting: string) => string {
  return perMeeting(() => randomBytes(bytes).toString('base64url'));
}
