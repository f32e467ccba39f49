import { defineConfig } from 'vitest/config';

/** The fast tests: no root, no Go, nothing but Node. The suites against real programs have vitest.real.config.ts. */
export default defineConfig({
  define: { __VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/{interop,vps,acme,nginx,docker}/**'],
    // Long, for busy machines: what is waited for usually comes at once.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
  },
});
