import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Campaign, Failure } from './engine.ts';
import { mutateBytes, mutateJson } from './mutate.ts';
import { hashOf, Random } from './random.ts';
import { savedRegressions, saveRegression } from './regressions.ts';
import { targets } from './targets/all.ts';

// A few seconds of what `npm run fuzz` does for as long as one likes, and every input that has ever failed there.
const REGRESSIONS = fileURLToPath(new URL('regressions', import.meta.url));
const seed = Date.now();
const INPUTS_PER_SHARE = 60;

describe.each(targets.map((target) => [target.name, target] as const))('%s', (_, target) => {
  it.each(savedRegressions(REGRESSIONS, target))('keeps its promises for $file', ({ input }) => {
    target.check(input);
  });

  it(`keeps its promises for some inputs, seed ${seed}`, { timeout: 60_000 }, () => {
    const campaign = new Campaign(target, seed);
    campaign.run(Math.ceil(INPUTS_PER_SHARE * target.share));
    expect(campaign.score.slowestMs).toBeLessThan(100);
  });

  it('is given right inputs and wrong ones', { timeout: 60_000 }, () => {
    // With one seed, so that no chance makes it fail. Inputs that are all refused at the door try nothing behind it.
    const campaign = new Campaign(target, 1);
    campaign.run(target.share < 1 ? 100 : 400);
    const { inputs, accepted } = campaign.score;
    expect(accepted).toBeGreaterThan(0);
    expect(accepted).toBeLessThan(inputs);
  });
});

describe('the fuzzer itself', () => {
  it('makes the same inputs from the same seed, and others from another', () => {
    const inputs = (from: number) => {
      const random = new Random(from);
      return Array.from({ length: 50 }, () => mutateBytes(random, Buffer.from('hello, world')).toString('hex'));
    };
    expect(inputs(7)).toEqual(inputs(7));
    expect(inputs(8)).not.toEqual(inputs(7));
    expect(inputs(2 ** 40 + 7)).not.toEqual(inputs(7));
  });

  it('spreads its numbers evenly', () => {
    const random = new Random(1);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) counts[random.below(10)]!++;
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200);
    const lengths = Array.from({ length: 20_000 }, () => random.length(50));
    expect(Math.min(...lengths)).toBe(0);
    expect(Math.max(...lengths)).toBeGreaterThan(40);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(50);
  });

  it('makes JSON values that JSON can carry, __proto__ as a field among them', () => {
    const random = new Random(3);
    const values = Array.from({ length: 3000 }, () => mutateJson(random, { a: [1, { b: 'c' }], d: null }));
    expect(values.some((value) => Object.hasOwn(Object(value), '__proto__'))).toBe(true);
    for (const value of values) JSON.stringify(value);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('tells the input by which a promise is broken, and finds it again as a file', () => {
    const target = {
      name: 'A bad one!',
      share: 1,
      make: (random: Random) => random.bytes(4),
      check: (input: Buffer) => {
        if (input[0]! >= 0xf0) throw new Error('too much');
        return true;
      },
    };
    const campaign = new Campaign(target, 5);
    const failure = (() => {
      try {
        campaign.run(10_000);
        return undefined;
      } catch (error) {
        return error;
      }
    })();
    expect(failure).toBeInstanceOf(Failure);
    const { input, target: name } = failure as Failure;
    expect(input[0]).toBeGreaterThanOrEqual(0xf0);
    expect(name).toBe('A bad one!');
    const root = mkdtempSync(join(tmpdir(), 'derp-fuzz-'));
    try {
      const file = saveRegression(root, name, input);
      expect(file).toContain(join('a-bad-one-', hashOf(input).toString(16).padStart(8, '0')));
      expect(savedRegressions(root, target)).toEqual([{ file, input }]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it('fails for an input that takes too long', { timeout: 60_000 }, () => {
    const slow = {
      name: 'slow',
      share: 1,
      make: () => Buffer.of(1),
      check: () => {
        for (const until = performance.now() + 130; performance.now() < until; );
        return true;
      },
    };
    expect(() => new Campaign(slow, 1).run(1)).toThrow(/takes \d+ ms/);
  });
});
