/** What a server has for each meeting; `make` makes it when it is first asked for. */
export function perMeeting<T>(make: (meeting: string) => T): (meeting: string) => T {
  const made = new Map<string, T>();
  return (meeting) => {
    if (!made.has(meeting)) made.set(meeting, make(meeting));
    return made.get(meeting)!;
  };
}
