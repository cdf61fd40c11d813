import { defineConfig } from '@playwright/test';

/** Whole calls in real browsers. One at a time: a call's own processes are load enough. */
export default defineConfig({
  testDir: 'scenarios',
  testMatch: '**/*.spec.ts',
  workers: 1,
  fullyParallel: false,
  timeout: 120_000,
  reporter: 'list',
  outputDir: 'test-results',
});
