/** Versions of what a recording was made with. */
import { readFileSync } from 'node:fs';
import { findChromium } from './chromium.ts';

/** Names to versions; `keywitness` first. */
export function software(): Record<string, string> {
  return {
    keywitness: keywitnessVersion(),
    node: process.versions.node,
    chromium: findChromium()?.version ?? 'unknown',
    platform: `${process.platform} ${process.arch}`,
  };
}

export function keywitnessVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return manifest.version;
}
