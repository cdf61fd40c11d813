/** Settings of a Chromium profile that no switch on the command line sets. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../recording/writer.ts';
import type { PortBlock } from '../vantage/wire/ports.ts';

/**
 * Has WebRTC use these UDP ports alone, or any if there are none given. Before the browser starts, which writes the file anew.
 * @param profile what `--user-data-dir` names. Its first profile's settings are JSON in `Default/Preferences` (chrome/common/chrome_constants.cc),
 *   this one `webrtc.udp_port_range` (chrome/common/pref_names.h)
 */
export function setUdpPorts(profile: string, ports: PortBlock | undefined): void {
  const folder = join(profile, 'Default');
  const path = join(folder, 'Preferences');
  const preferences = read(path);
  const webrtc = objectOf(preferences.webrtc);
  if (!ports && webrtc.udp_port_range === undefined) return;
  const range = ports && `${ports.first}-${ports.last}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const next = { ...preferences, webrtc: { ...webrtc, udp_port_range: range } };
  writeFileAtomically(path, JSON.stringify(next));
}

/** A profile that is new has none, and Chromium itself drops settings that are damaged. */
function read(path: string): Record<string, unknown> {
  try {
    return objectOf(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : {};
}
