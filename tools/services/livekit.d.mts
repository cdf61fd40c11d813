import type { Finding } from '../setup.mjs';

export const VERSION: string;
export const title: string;
export function find(): Finding;
export function install(): Promise<void>;
