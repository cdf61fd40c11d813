import type { Finding } from '../setup.mjs';

export const title: string;
export function find(): Finding;
export function install(): Promise<void>;
/** Into a virtual environment of its own, also where Debian's package is there. */
export function installFromPypi(): Promise<void>;
