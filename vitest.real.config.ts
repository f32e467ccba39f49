import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * What takes longest begins first, so that no core is left with nothing while one long file goes on alone: two minutes
 * and more. The first mostly waits, for certificates to end, and the second mostly computes.
 */
const longest = [
  'test/acme/machine.test.ts',
  'test/vps/interruption.test.ts',
  'test/interop/tailnet.test.ts',
  'test/vps/wizard.test.ts',
  'test/docker/faults.test.ts',
];

/** The files of {@link longest} in that order, then the rest as vitest would have them. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = longest.findIndex((path) => moduleId.endsWith(`/${path}`));
      return place < 0 ? longest.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/**
 * The suites against real programs, started by scripts/test-real.mjs. Two files at a time, since each waits half of its
 * time and two cores are what such a machine has: so a file shares nothing with others but the programs, the package and
 * the run's folder. Its namespaces and machines have its process's number in their names, and its ports of this machine's
 * loopback address are its worker's own (see `freePorts`).
 */
export default defineConfig({
  test: {
    include: ['test/{interop,acme,vps,nginx,docker}/**/*.test.ts'],
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    reporters: ['verbose'],
  },
});
