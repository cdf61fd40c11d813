/** The engines that can stand between participants and everything else; each is independent of the others. */
import { startMitmproxy } from './mitmproxy/engine.ts';
import type { StartProxies } from './proxies.ts';
import { startProxies } from './proxy.ts';

export const ENGINES = { mockttp: startProxies, mitmproxy: startMitmproxy } as const satisfies Record<
  string,
  StartProxies
>;

/** An engine's name. */
export type Engine = keyof typeof ENGINES;
