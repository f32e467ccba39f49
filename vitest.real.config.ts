import { defineConfig } from 'vitest/config';

/**
 * The suites against real programs, started by scripts/test-real.mjs. One file after the other: they share the
 * machine's namespaces and cores.
 */
export default defineConfig({
  test: {
    include: ['test/{interop,acme,vps,nginx,docker}/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    reporters: ['verbose'],
  },
});
