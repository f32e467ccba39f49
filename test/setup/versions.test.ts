import { describe, expect, it } from 'vitest';
import { compareVersions } from '../../src/setup/versions.ts';

describe('compareVersions', () => {
  // Oldest first; those of a pre-release are semver.org's own example, item 11.
  const inOrder = [
    '0.9.9',
    '0.10.0',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0-rc.1-hotfix',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0',
  ];

  it('orders every pair', () => {
    for (const [i, older] of inOrder.entries()) {
      expect(compareVersions(older, older)).toBe(0);
      for (const newer of inOrder.slice(i + 1)) {
        expect(compareVersions(older, newer), `${older} < ${newer}`).toBeLessThan(0);
        expect(compareVersions(newer, older), `${newer} > ${older}`).toBeGreaterThan(0);
      }
    }
  });

  it('does not count what says how a version was built', () => {
    expect(compareVersions('1.0.0+5', '1.0.0+6-a')).toBe(0);
    expect(compareVersions('1.0.0-rc.1+5', '1.0.0-rc.1')).toBe(0);
    expect(compareVersions('1.0.1+5', '1.0.0')).toBeGreaterThan(0);
  });
});
