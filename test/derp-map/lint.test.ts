import { describe, expect, it } from 'vitest';
import { lintNodeName, lintRegionCode, lintRegionId, lintRegionName } from '../../src/derp-map/lint.ts';

describe('lintRegionId', () => {
  it.each([900, 950, 999])('finds nothing to say about %i', (id) => expect(lintRegionId(id)).toEqual([]));

  it.each([
    [0, 'error', 'out-of-range'],
    [-1, 'error', 'out-of-range'],
    [900.5, 'error', 'out-of-range'],
    [65_536, 'error', 'out-of-range'],
    [Number.NaN, 'error', 'out-of-range'],
    [1, 'warning', 'tailscale-region'],
    [899, 'warning', 'tailscale-region'],
    [1000, 'warning', 'outside-custom-range'],
    [65_535, 'warning', 'outside-custom-range'],
  ])('%d: %s, %s', (id, level, rule) => {
    expect(lintRegionId(id)).toEqual([{ field: 'regionId', level, rule }]);
  });
});

describe('names', () => {
  it.each(['myderp', 'fra', 'a', 'my-derp_2', 'A'.repeat(32)])('region code %s is fine', (code) => {
    expect(lintRegionCode(code)).toEqual([]);
  });
  it.each(['', '-a', 'a-', 'a b', 'a.b', 'ü', 'a'.repeat(33), 'a\n'])('region code %j is an error', (code) => {
    expect(lintRegionCode(code)).toHaveLength(1);
  });
  it.each(['My DERP', '法兰克福', 'x'.repeat(64)])('region name %s is fine', (name) => {
    expect(lintRegionName(name)).toEqual([]);
  });
  it.each(['', ' x', 'x ', 'a\nb', '\u0007', 'x'.repeat(65)])('region name %j is an error', (name) => {
    expect(lintRegionName(name)).toHaveLength(1);
  });
  it.each(['900a', 'fra.1_a'])('node name %s is fine', (name) => expect(lintNodeName(name)).toEqual([]));
  it.each(['', '.a', 'a b', 'ü'])('node name %j is an error', (name) => expect(lintNodeName(name)).toHaveLength(1));
});
