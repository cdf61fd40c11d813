import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // By itself it would leave one of two cores idle.
    maxWorkers: '100%',
    include: ['{harness,reports,scenarios,tools}/**/*.test.ts'],
    // Some tests start browsers and servers on a shared machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
