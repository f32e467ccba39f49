import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatAddressChoice, parseAddressSource } from '../../../src/setup/access/address-source.ts';

const source = (ranges: string[], files: string[] = []) => ({ ok: true, value: { ranges, files } });

describe('a list of addresses on the command line', () => {
  it.each([
    ['192.0.2.0/24', ['192.0.2.0/24'], []],
    ['192.0.2.1 2001:db8::/32', ['192.0.2.1', '2001:db8::/32'], []],
    [' 192.0.2.1,\n192.0.2.2 ,, 192.0.2.3', ['192.0.2.1', '192.0.2.2', '192.0.2.3'], []],
    ['::1', ['::1'], []],
    ['/etc/lists/home', [], ['/etc/lists/home']],
    ['home.txt,192.0.2.1,lists/cn.txt', ['192.0.2.1'], [resolve('home.txt'), resolve('lists/cn.txt')]],
    ['./24', [], [resolve('24')]],
    ['../lists/24', [], [resolve('../lists/24')]],
    ['"/srv/my lists/a,b.txt" 192.0.2.1', ['192.0.2.1'], ['/srv/my lists/a,b.txt']],
    ['/etc/none', [], ['/etc/none']],
    ['"none"', [], [resolve('none')]],
    ['"192.0.2.1"', [], [resolve('192.0.2.1')]],
  ])('%j', (text, ranges, files) => {
    const parsed = parseAddressSource(text);
    expect(parsed).toEqual(source(ranges, files));
    // What is saved means the same when it is read again.
    expect(parsed.ok && parseAddressSource(formatAddressChoice(parsed.value))).toEqual(parsed);
  });

  it('is taken away by name', () => {
    expect(parseAddressSource('none')).toEqual({ ok: true, value: 'none' });
    expect(formatAddressChoice('none')).toBe('none');
  });

  it('names every range that is wrong, with the rule that it breaks', () => {
    const text =
      '192.0.2.1/24, 192.0.2.0/24, 192.0.2.0/33 192.0.2.300 2001:db8::/129 ::ffff:10.0.0.0/104 cn/24 fe80::zz';
    expect(parseAddressSource(text)).toEqual({
      ok: false,
      rule: { code: 'bad-range', flaw: { code: 'begins-within', range: '192.0.2.0/24', address: '192.0.2.1' } },
      parts: [
        ['192.0.2.1/24', { code: 'begins-within', range: '192.0.2.0/24', address: '192.0.2.1' }],
        ['192.0.2.0/33', { code: 'bad-length', longest: 32 }],
        ['192.0.2.300', { code: 'no-range' }],
        ['2001:db8::/129', { code: 'bad-length', longest: 128 }],
        ['cn/24', { code: 'no-range' }],
      ].map(([value, flaw]) => ({ value, rule: { code: 'bad-range', flaw } })),
    });
    expect(parseAddressSource('::ffff:10.0.0.0/90')).toMatchObject({ rule: { flaw: { code: 'mapped' } } });
  });

  it.each(['', '  ', ',', '""'])('%j is no list', (text) => {
    expect(parseAddressSource(text)).toEqual({ ok: false, rule: { code: 'missing-value' } });
  });
});
