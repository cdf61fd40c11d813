import type { Finding } from '../setup.d.mts';

export const title: string;
export function find(): Finding;
export function install(): Promise<void>;
