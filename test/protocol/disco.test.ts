import { describe, expect, it } from 'vitest';
import { looksLikeDisco } from '../../src/protocol/disco.ts';

const magic = '5453f09f92ac';
const whole = Buffer.from(magic + '00'.repeat(56), 'hex');

describe('looksLikeDisco', () => {
  it('takes 62 bytes or more that start with the magic', () => {
    expect(whole.length).toBe(62);
    expect(looksLikeDisco(whole)).toBe(true);
    expect(looksLikeDisco(Buffer.concat([whole, Buffer.alloc(100)]))).toBe(true);
  });

  it('refuses what is shorter by a byte', () => {
    expect(looksLikeDisco(whole.subarray(0, 61))).toBe(false);
    expect(looksLikeDisco(Buffer.alloc(0))).toBe(false);
  });

  it('refuses any other start', () => {
    for (let i = 0; i < 6; i++) {
      const other = Buffer.from(whole);
      other[i]! ^= 1;
      expect(looksLikeDisco(other)).toBe(false);
    }
  });

  it('looks only at the given part', () => {
    const padded = Buffer.concat([Buffer.alloc(37), whole, Buffer.alloc(5)]);
    expect(looksLikeDisco(padded, 37, 37 + 62)).toBe(true);
    expect(looksLikeDisco(padded, 37, 37 + 61)).toBe(false);
    expect(looksLikeDisco(padded, 36, 37 + 62)).toBe(false);
  });
});
