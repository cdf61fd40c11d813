/** Xvfb, a display without a screen: for windows that tests open (`keywitness run --assisted`). */
import { aptInstall } from './base/apt.mjs';
import { inPath } from './base/path.mjs';

export const title = "Xvfb, a display without a screen: Debian's package xvfb";

export function find() {
  const path = inPath('Xvfb');
  return path ? { name: 'xvfb', ok: true, path, from: 'PATH' } : { name: 'xvfb', ok: false, problem: 'Xvfb not found' };
}

/** @throws Error of one line. */
export async function install() {
  await aptInstall(['xvfb']);
}
