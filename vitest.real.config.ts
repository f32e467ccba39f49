import { defineConfig } from 'vitest/config';

/** The suites against real programs, one file after the other: they share the machine's ports, namespaces and cores. */
export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 900_000,
    reporters: ['verbose'],
  },
});
