import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setUdpPorts } from './preferences.ts';

describe("a profile's UDP ports", () => {
  let profile: string;
  const path = () => join(profile, 'Default/Preferences');
  const read = () => JSON.parse(readFileSync(path(), 'utf8')) as unknown;
  beforeEach(() => {
    profile = mkdtempSync(join(tmpdir(), 'profile-test-'));
  });
  afterEach(() => rmSync(profile, { recursive: true }));

  it('are set where the profile is new', () => {
    setUdpPorts(profile, { first: 20_000, last: 20_009 });
    expect(read()).toEqual({ webrtc: { udp_port_range: '20000-20009' } });
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('are set, and taken away again, beside all else that a profile holds', () => {
    mkdirSync(join(profile, 'Default'));
    writeFileSync(path(), JSON.stringify({ a: 1, webrtc: { b: 2 } }));
    setUdpPorts(profile, { first: 1, last: 2 });
    expect(read()).toEqual({ a: 1, webrtc: { b: 2, udp_port_range: '1-2' } });
    setUdpPorts(profile, undefined);
    expect(read()).toEqual({ a: 1, webrtc: { b: 2 } });
  });

  it('leave a profile alone that has none', () => {
    setUdpPorts(profile, undefined);
    expect(() => statSync(path())).toThrow(/ENOENT/);
    mkdirSync(join(profile, 'Default'));
    for (const damaged of ['damaged', 'null', '{"webrtc":null}']) {
      writeFileSync(path(), damaged);
      setUdpPorts(profile, undefined);
      expect(readFileSync(path(), 'utf8')).toBe(damaged);
    }
    setUdpPorts(profile, { first: 1, last: 2 });
    expect(read()).toEqual({ webrtc: { udp_port_range: '1-2' } });
  });
});
