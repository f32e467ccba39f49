import { describe, expect, it } from 'vitest';
import { Random } from '../fuzz/random.ts';
import { drawChart } from './chart.ts';
import { Receiver } from './steady-pair.ts';
import { judgeTrend, medianOf, type Point, percentile, slopeOf } from './trend.ts';

/** An hour of samples: a level, a slope an hour, and what comes and goes. */
function samples(level: number, perHour: number, noise: (i: number) => number): Point[] {
  return Array.from({ length: 360 }, (_, i) => ({ at: i * 10, value: level + (perHour * i) / 360 + noise(i) }));
}

describe('slopeOf', () => {
  it('is that of a line', () => {
    expect(slopeOf(samples(80, 36, () => 0))).toBeCloseTo(0.01, 6);
    expect(slopeOf([])).toBe(0);
    expect(slopeOf([{ at: 3, value: 5 }])).toBe(0);
  });

  it('hardly moves for a fifth of wild points, at one end or anywhere', () => {
    const wild = (i: number) => (i % 5 === 0 ? 300 : 0);
    expect(Math.abs(slopeOf(samples(80, 0, wild)) * 3600)).toBeLessThan(1);
    expect(Math.abs(slopeOf(samples(80, 0, (i) => (i > 320 ? 300 : 0))) * 3600)).toBeLessThan(1);
  });
});

describe('judgeTrend', () => {
  const random = new Random(11);
  // A heap goes up by steps and falls back; a storm adds to it now and then.
  const sawtooth = (i: number) => (i % 17) * 0.6 + (random.oneIn(20) ? 40 : 0);

  it('finds a leak in what goes up and down', () => {
    const { rising, growth } = judgeTrend(samples(80, 60, sawtooth), { name: 'rss', most: 24 });
    expect(rising).toBe(true);
    expect(growth).toBeGreaterThan(40);
    expect(growth).toBeLessThan(50);
  });

  it('finds none where there is only up and down', () => {
    expect(judgeTrend(samples(80, 0, sawtooth), { name: 'rss', most: 8 })).toMatchObject({ rising: false, most: 8 });
  });

  it('leaves the warm-up out', () => {
    const warmUp = samples(0, 0, (i) => Math.min(i, 80));
    expect(judgeTrend(warmUp, { name: 'rss', most: 1 }).growth).toBe(0);
  });
});

it('percentile and median', () => {
  const values = [5, 1, 4, 2, 3];
  expect([percentile(values, 0), percentile(values, 0.5), percentile(values, 0.99), percentile([], 0.5)]).toEqual([
    1, 3, 5, 0,
  ]);
  expect([medianOf(values), medianOf([1, 2]), medianOf([])]).toEqual([3, 1.5, 0]);
});

describe('Receiver', () => {
  const after = (...numbers: number[]) => {
    const receiver = new Receiver();
    for (const number of numbers) receiver.take(number);
    return receiver;
  };

  it.each([
    ['all in their order', [0, 1, 2, 3], { expected: 4, lost: 0, disordered: 0 }],
    ['one missing', [0, 1, 3], { expected: 4, lost: 1, disordered: 0 }],
    ['the first two missing', [2, 3], { expected: 4, lost: 2, disordered: 0 }],
    ['one twice', [0, 1, 1, 2], { expected: 3, lost: 0, disordered: 1 }],
    ['one late', [0, 2, 1, 3], { expected: 4, lost: 1, disordered: 1 }],
  ])('%s', (_, numbers, figures) => expect(after(...numbers)).toMatchObject(figures));
});

describe('drawChart', () => {
  const panels = [
    { title: 'Memory <MB>', series: [{ name: 'a & b', points: samples(80, 60, () => 0) }] },
    { title: 'Nothing', series: [{ name: 'none', points: [] }] },
  ];

  it('draws each series inside its panel, with its names escaped', () => {
    const svg = drawChart('An hour', panels, 3590);
    expect(svg).toMatch(/^<svg /);
    expect(svg).toContain('Memory &#60;MB&#62;');
    expect(svg).toContain('a &#38; b');
    expect(svg).toContain('minutes');
    const [, path] = /points="([^"]+)"/.exec(svg)!;
    const points = path!.split(' ').map((point) => point.split(',').map(Number));
    expect(points).toHaveLength(360);
    const [first, last] = [points[0]!, points.at(-1)!];
    // To the right and upwards, from one edge to the other; 140 of 200 at the top.
    expect(first[0]).toBe(64);
    expect(last[0]).toBe(884);
    expect(first[1]! - last[1]!).toBeCloseTo(150 * ((60 * (359 / 360)) / 200), 0);
    expect(svg).not.toContain('NaN');
  });

  it('draws one sample, and none', () => {
    expect(drawChart('x', [{ title: 'y', series: [{ name: 'z', points: [{ at: 0, value: 0 }] }] }], 0)).not.toMatch(
      /NaN|Infinity/,
    );
    expect(drawChart('x', [], 10)).toContain('seconds');
  });
});
