import { isIP, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpAddress, parseIpAddress } from '../../src/protocol/ip-address.ts';

const v6Bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
/** Bytes with many zeros, where the short form has its difficulties. */
const sparseV6 = fc.array(fc.constantFrom(0, 0, 0, 1, 0xab), { minLength: 16, maxLength: 16 });

describe('parseIpAddress', () => {
  it.each([
    ['192.0.2.1', 'c0000201'],
    ['0.0.0.0', '00000000'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['2001:db8::1234', '20010db8000000000000000000001234'],
    ['2001:DB8:0:0:1::', '20010db8000000000001000000000000'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
    ['::ffff:192.0.2.1', 'c0000201'],
    ['::ffff:c000:201', 'c0000201'],
  ])('reads %s', (text, hex) => {
    expect(parseIpAddress(text)?.toString('hex')).toBe(hex);
  });

  it.each(['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.4 ', ':', ':::', '1:2:3:4:5:6:7', '1::2::3'])(
    'refuses %j',
    (text) => {
      expect(parseIpAddress(text)).toBeUndefined();
    },
  );

  it.each(['1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8', '12345::', '::1.2.3', '1.2.3.4::', 'g::', '::1:'])(
    'refuses %j',
    (text) => {
      expect(parseIpAddress(text)).toBeUndefined();
    },
  );

  it('agrees with node:net on what is an address', () => {
    const pieces = fc.constantFrom('0', '1', 'ff', '1234', '12345', ':', '::', '.', '1.2.3.4', '255', '256');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 9 }), (parts) => {
        const text = parts.join('');
        expect(parseIpAddress(text) !== undefined, text).toBe(isIP(text) !== 0);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('formatIpAddress', () => {
  it('writes IPv4 as it was read', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(formatIpAddress(parseIpAddress(text)!)).toBe(text);
      }),
    );
  });

  it('writes IPv6 so that it reads back, in the form that node:net writes too', () => {
    fc.assert(
      fc.property(fc.oneof(v6Bytes, sparseV6), (array) => {
        const bytes = Buffer.from(array);
        const text = formatIpAddress(bytes);
        const isMapped = /^(00){10}ffff/.test(bytes.toString('hex'));
        expect(parseIpAddress(text)).toEqual(isMapped ? bytes.subarray(12) : bytes);
        // The system's inet_ntop writes addresses below ::1:0:0 with a dotted end.
        if (bytes.readUInt32BE(8) !== 0 || bytes.readBigUInt64BE(0) !== 0n) {
          expect(text).toBe(isMapped ? text : new SocketAddress({ address: text, family: 'ipv6' }).address);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('takes the first of two equally long runs of zeros, and leaves a single zero alone (RFC 5952)', () => {
    expect(formatIpAddress(parseIpAddress('2001:db8:0:0:1:0:0:1')!)).toBe('2001:db8::1:0:0:1');
    expect(formatIpAddress(parseIpAddress('2001:db8:0:1:1:1:1:1')!)).toBe('2001:db8:0:1:1:1:1:1');
  });

  it('writes a v4-mapped address as the IPv4 one', () => {
    expect(formatIpAddress(Buffer.from('00000000000000000000ffffc0000201', 'hex'))).toBe('192.0.2.1');
  });

  it('refuses other lengths', () => {
    expect(() => formatIpAddress(new Uint8Array(5))).toThrow(RangeError);
  });
});
