/** What has to be ended when a run ends, whichever way it ends: in reverse order, each once, one failure not hiding the next. */
export class Cleanup {
  readonly #steps: (() => Promise<unknown> | unknown)[] = [];
  #running: Promise<void> | undefined;

  add(step: () => Promise<unknown> | unknown): void {
    this.#steps.push(step);
  }

  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop())
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    if (failures.length > 0) throw new AggregateError(failures, `cleaning up failed: ${failures.join('; ')}`);
  }
}
