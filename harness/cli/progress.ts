/** Progress on the terminal, on standard error so that results can be piped: one line that changes, or a line each step. */
import { performance } from 'node:perf_hooks';

export class Progress {
  readonly #prefix: string;
  readonly #live = process.stderr.isTTY === true;
  readonly #began = performance.now();
  #what = '';
  #timer: NodeJS.Timeout | undefined;

  /** @param prefix stands before each line, e.g. a service's name */
  constructor(prefix = '') {
    this.#prefix = prefix && `${prefix}: `;
  }

  say(what: string): void {
    this.#what = what;
    if (!this.#live) {
      process.stderr.write(`${this.#line()}\n`);
      return;
    }
    this.#draw();
    this.#timer ??= setInterval(() => this.#draw(), 500).unref();
  }

  done(): void {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    process.stderr.write('\r\u001b[K');
  }

  #draw(): void {
    process.stderr.write(`\r\u001b[K${this.#line()}`);
  }

  #line(): string {
    const seconds = Math.round((performance.now() - this.#began) / 1000);
    return `${String(seconds).padStart(3)} s  ${this.#prefix}${this.#what}`;
  }
}
