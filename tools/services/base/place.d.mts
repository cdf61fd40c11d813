/** The folder of one version of one service: `~/.cache/keywitness/services/NAME/VERSION`. It need not exist. */
export function place(name: string, version: string): string;

/**
 * Runs a command quietly, without input, and gives what it wrote to its standard output. Throws an Error of one line.
 * `timeout` in ms; `env` is added to this process's.
 */
export function run(
  command: string,
  args: string[],
  options?: { timeout?: number; env?: Record<string, string>; cwd?: string },
): Promise<string>;
