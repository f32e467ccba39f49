import { BlockList, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AddressListError,
  AddressRangeError,
  AddressSet,
  parseAddressList,
  parseAddressRange,
} from '../../src/protocol/address-set.ts';
import { formatIpAddress } from '../../src/protocol/ip-address.ts';

describe('a range', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1', '192.0.2.1'],
    ['192.0.2.1/32', '192.0.2.1', '192.0.2.1'],
    ['192.0.2.0/24', '192.0.2.0', '192.0.2.255'],
    ['192.0.2.128/25', '192.0.2.128', '192.0.2.255'],
    ['10.0.0.0/8', '10.0.0.0', '10.255.255.255'],
    ['0.0.0.0/0', '0.0.0.0', '255.255.255.255'],
    ['2001:db8::1', '2001:db8::1', '2001:db8::1'],
    ['2001:DB8::/32', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2001:db8:0:0:8000::/65', '2001:db8:0:0:8000::', '2001:db8::ffff:ffff:ffff:ffff'],
    ['::/0', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['::ffff:192.0.2.0/120', '192.0.2.0', '192.0.2.255'],
  ])('%s goes from %s to %s', (text, first, last) => {
    const range = parseAddressRange(text);
    expect([formatIpAddress(range.first), formatIpAddress(range.last)]).toEqual([first, last]);
  });

  it.each([
    ['', /not an IP address/],
    ['derp.example', /"derp\.example" is not an IP address or a CIDR range, such as/],
    ['192.0.2.256', /not an IP address/],
    ['192.0.2.1/', /needs a number from 0 to 32/],
    ['192.0.2.1/33', /needs a number from 0 to 32/],
    ['192.0.2.1/-1', /needs a number/],
    ['192.0.2.1/0x8', /needs a number/],
    ['2001:db8::/129', /from 0 to 128/],
    ['192.0.2.0/24/1', /not an IP address/],
    ['192.0.2.0 /24', /not an IP address/],
    ['fe80::1%eth0', /not an IP address/],
    ['::ffff:0:0/90', /written as IPv6/],
    ['192.0.2.7/24', /begins within its range: write 192\.0\.2\.0\/24, or 192\.0\.2\.7 alone/],
    ['2001:db8::1/64', /write 2001:db8::\/64, or 2001:db8::1 alone/],
    ['1.2.3.4/0', /write 0\.0\.0\.0\/0, or/],
    ['x'.repeat(10_000), /^"x{60}" is not/],
  ])('is not %j', (text, problem) => {
    expect(() => parseAddressRange(text)).toThrow(AddressRangeError);
    expect(() => parseAddressRange(text)).toThrow(problem);
  });
});

describe('a list', () => {
  it('has comments, blank lines and lines of any system', () => {
    const text = '\uFEFF# ours\r\n192.0.2.1 # the office\r\n\r\n  2001:db8::/32\t\n#192.0.2.2\n10.0.0.0/8';
    const ranges = parseAddressList(text);
    expect(ranges.map(({ first }) => formatIpAddress(first))).toEqual(['192.0.2.1', '2001:db8::', '10.0.0.0']);
    expect(parseAddressList('')).toEqual([]);
    expect(parseAddressList('# nothing\n')).toEqual([]);
  });

  it('has the line named that is wrong', () => {
    try {
      parseAddressList('192.0.2.1\n# comment\n192.0.2.1 192.0.2.2\n');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(AddressListError);
      expect((error as AddressListError).line).toBe(3);
      expect((error as Error).message).toMatch(/^"192\.0\.2\.1 192\.0\.2\.2" is not/);
    }
  });

  it('may be long', () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `${10 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) << 4}.0/24`);
    const set = new AddressSet(parseAddressList(lines.join('\n')));
    expect(set.has('10.0.16.1')).toBe(true);
    expect(set.has('10.0.17.1')).toBe(false);
    expect(set.has('14.255.240.255')).toBe(false);
    expect(set.has('9.255.255.255')).toBe(false);
  });
});

describe('a set', () => {
  const of = (...ranges: string[]) => new AddressSet(ranges.map(parseAddressRange));

  it('holds the first and the last address of its ranges, and not those beside them', () => {
    const set = of('192.0.2.64/26', '198.51.100.7', '2001:db8:1::/48');
    for (const address of ['192.0.2.64', '192.0.2.127', '198.51.100.7', '2001:db8:1::', '2001:db8:1:ffff::ffff']) {
      expect([address, set.has(address)]).toEqual([address, true]);
    }
    for (const address of [
      '192.0.2.63',
      '192.0.2.128',
      '198.51.100.6',
      '198.51.100.8',
      '2001:db8:0:ffff::',
      '2001:db8:2::',
      '::',
      '0.0.0.0',
    ]) {
      expect([address, set.has(address)]).toEqual([address, false]);
    }
  });

  it('takes an IPv4 address in IPv6 for what it is, and keeps the families apart', () => {
    expect(of('192.0.2.0/24').has('::ffff:192.0.2.1')).toBe(true);
    expect(of('0.0.0.0/0').has('2001:db8::1')).toBe(false);
    expect(of('::/0').has('192.0.2.1')).toBe(false);
    expect(of('::/0').has('::ffff:192.0.2.1')).toBe(false);
    expect(of('0.0.0.0/0', '::/0').has('')).toBe(false);
  });

  it('counts ranges that lie in others once', () => {
    expect(of('10.0.0.0/8', '10.1.0.0/16', '10.1.2.3', '10.0.0.0/8', '2001:db8::/32', '2001:db8::1').ranges).toBe(2);
    expect(of().ranges).toBe(0);
    expect(of().has('192.0.2.1')).toBe(false);
  });

  /** Few different numbers, so that ranges and addresses meet. */
  const small = fc.constantFrom(0, 1, 2, 127, 128, 254, 255);
  const v4 = fc.tuple(small, small, small, small).map((bytes) => bytes.join('.'));
  const group = fc.constantFrom('0', '1', '7fff', '8000', 'fffe', 'ffff');
  // Never one that is an IPv4 address in IPv6.
  const v6 = fc
    .tuple(fc.constantFrom('1', '8000', 'ffff'), fc.array(group, { minLength: 7, maxLength: 7 }))
    .map(([first, rest]) => [first, ...rest].join(':'));
  const range = fc.oneof(
    fc.tuple(v4, fc.nat({ max: 32 })).map(([address, bits]) => ({ address, bits })),
    fc.tuple(v6, fc.nat({ max: 128 })).map(([address, bits]) => ({ address, bits })),
  );

  it("agrees with Node's BlockList", () => {
    fc.assert(
      fc.property(
        fc.array(range, { maxLength: 12 }),
        fc.array(fc.oneof(v4, v6), { minLength: 1, maxLength: 20 }),
        (ranges, asked) => {
          // One for each family: to BlockList an IPv4 address is in ::/0.
          const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
          const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');
          const texts = ranges.map(({ address, bits }) => {
            lists[familyOf(address)].addSubnet(address, bits, familyOf(address));
            // BlockList masks by itself; here the range must begin where it says.
            try {
              parseAddressRange(`${address}/${bits}`);
              return `${address}/${bits}`;
            } catch (error) {
              return /write (\S+),/.exec((error as Error).message)![1]!;
            }
          });
          const set = of(...texts);
          for (const address of asked) {
            const expected = lists[familyOf(address)].check(address, familyOf(address));
            expect([address, texts, set.has(address)]).toEqual([address, texts, expected]);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
