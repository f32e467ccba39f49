import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../src/protocol/errors.ts';
import { readProxyHeader } from '../../src/protocol/proxy-header.ts';

const signature = '0d0a0d0a000d0a515549540a';
const tail = Buffer.from('16030100a7', 'hex');

/** A version 2 header: version and command, family, rest as hex. */
function v2(command: string, family: string, rest: string): Buffer {
  const length = (rest.length / 2).toString(16).padStart(4, '0');
  return Buffer.from(signature + command + family + length + rest, 'hex');
}

const v4Rest = 'c6336407' + 'cb007101' + 'd903' + '01bb';
const v6Rest = `${'20010db8000000000000000000000007'}${'20010db8000000000000000000000001'}d90301bb`;

const good: [string, Buffer, ReturnType<typeof readProxyHeader>][] = [
  [
    'v1 TCP4',
    Buffer.from('PROXY TCP4 198.51.100.7 203.0.113.1 55555 443\r\n'),
    {
      status: 'done',
      length: 47,
      source: { address: '198.51.100.7', port: 55555 },
      destination: { address: '203.0.113.1', port: 443 },
    },
  ],
  [
    'v1 TCP6',
    Buffer.from('PROXY TCP6 2001:DB8::7 2001:db8:0:0:0:0:0:1 0 65535\r\n'),
    {
      status: 'done',
      length: 53,
      source: { address: '2001:db8::7', port: 0 },
      destination: { address: '2001:db8::1', port: 65535 },
    },
  ],
  ['v1 UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), { status: 'done', length: 15 }],
  ['v1 UNKNOWN with something after it', Buffer.from('PROXY UNKNOWN a b c\r\n'), { status: 'done', length: 21 }],
  [
    'v2 TCP over IPv4',
    v2('21', '11', v4Rest),
    {
      status: 'done',
      length: 28,
      source: { address: '198.51.100.7', port: 55555 },
      destination: { address: '203.0.113.1', port: 443 },
    },
  ],
  [
    'v2 TCP over IPv6 with TLVs, among them a checksum',
    v2('21', '21', `${v6Rest}030004deadbeef04000161`),
    {
      status: 'done',
      length: 63,
      source: { address: '2001:db8::7', port: 55555 },
      destination: { address: '2001:db8::1', port: 443 },
    },
  ],
  [
    'v2 v4-mapped addresses',
    v2('21', '21', `00000000000000000000ffffc633640700000000000000000000ffffcb007101d90301bb`),
    {
      status: 'done',
      length: 52,
      source: { address: '198.51.100.7', port: 55555 },
      destination: { address: '203.0.113.1', port: 443 },
    },
  ],
  ['v2 LOCAL', v2('20', '00', ''), { status: 'done', length: 16 }],
  ['v2 LOCAL with addresses, which do not count', v2('20', '11', v4Rest), { status: 'done', length: 28 }],
  ['v2 unspecified family', v2('21', '00', 'aabb'), { status: 'done', length: 18 }],
  ['v2 unix socket', v2('21', '31', '00'.repeat(216)), { status: 'done', length: 232 }],
];

describe('readProxyHeader', () => {
  it.each(good)('reads %s', (_name, bytes, expected) => {
    expect(readProxyHeader(Buffer.concat([bytes, tail]))).toEqual(expected);
    expect(bytes.length).toBe(expected.status === 'done' ? expected.length : -1);
  });

  it.each(good)('waits for the rest of %s after any number of bytes', (_name, bytes) => {
    for (let cut = 0; cut < bytes.length; cut++) {
      expect(readProxyHeader(bytes.subarray(0, cut)), `after ${cut} bytes`).toEqual({ status: 'incomplete' });
    }
  });

  it.each([
    ['TLS', Buffer.from('16030100a7', 'hex')],
    ['a single wrong byte', Buffer.from('X')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['a v1 prefix that goes wrong', Buffer.from('PROXX')],
    ['a v2 signature that goes wrong', Buffer.from('0d0a0d0b', 'hex')],
    ['UDP in v1', Buffer.from('PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['too few parts', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n')],
    ['too many parts', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n')],
    ['two spaces', Buffer.from('PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n')],
    ['the other family', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n')],
    ['IPv4 as TCP6', Buffer.from('PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['an address with a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n')],
    ['a port too large', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n')],
    ['a port with a zero in front', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n')],
    ['a negative port', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n')],
    ['no end of line within 107 bytes', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`)],
    ['a line of 108 bytes', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`)],
    ['version 1 in binary', v2('11', '11', v4Rest)],
    ['an unknown command', v2('22', '11', v4Rest)],
    ['an unknown family', v2('21', '41', v4Rest)],
    ['addresses that do not fit', v2('21', '21', v4Rest)],
    ['a unix address that does not fit', v2('21', '31', '00'.repeat(215))],
    ['a length of 4,097', Buffer.from(`${signature}21111001`, 'hex')],
  ])('refuses %s', (_name, bytes) => {
    expect(() => readProxyHeader(bytes)).toThrow(
      expect.objectContaining({ name: 'ProtocolError', code: 'bad-proxy-header' }),
    );
  });

  it('takes the longest header there can be: 107 bytes of v1, 4,112 of v2', () => {
    const line = Buffer.from(`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`);
    expect(line.length).toBe(107);
    expect(readProxyHeader(line)).toEqual({ status: 'done', length: 107 });
    expect(readProxyHeader(v2('21', '11', v4Rest.padEnd(8192, '0')))).toMatchObject({ length: 4112 });
  });

  it('refuses a v2 header as soon as its head is known, not after 64 KB', () => {
    expect(() => readProxyHeader(Buffer.from(`${signature}2111ffff`, 'hex'))).toThrow(ProtocolError);
    expect(() => readProxyHeader(Buffer.from(`${signature}31`, 'hex'))).toThrow(ProtocolError);
  });

  it('reads back any addresses and ports in both versions', () => {
    const endpoint = fc.record({ address: fc.ipV4(), port: fc.nat(65_535) });
    fc.assert(
      fc.property(endpoint, endpoint, (source, destination) => {
        const line = `PROXY TCP4 ${source.address} ${destination.address} ${source.port} ${destination.port}\r\n`;
        const hex = (n: number, digits: number) => n.toString(16).padStart(digits, '0');
        const ip = (text: string) => text.split('.').map((part) => hex(Number(part), 2));
        const rest = [...ip(source.address), ...ip(destination.address), hex(source.port, 4), hex(destination.port, 4)];
        expect(readProxyHeader(Buffer.from(line))).toEqual({
          status: 'done',
          length: line.length,
          source,
          destination,
        });
        expect(readProxyHeader(v2('21', '11', rest.join('')))).toEqual({
          status: 'done',
          length: 28,
          source,
          destination,
        });
      }),
    );
  });

  it('throws nothing but ProtocolError, and never claims more bytes than there are', () => {
    const base = fc.constantFrom(...good.map(([, bytes]) => bytes));
    const flips = fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 });
    const mutated = fc.tuple(base, flips, fc.nat(80)).map(([bytes, changes, keep]) => {
      const copy = Buffer.from(bytes.subarray(0, keep));
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      return copy;
    });
    const random = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.oneof(mutated, random), (bytes) => {
        try {
          const header = readProxyHeader(bytes);
          seen.add(header.status);
          if (header.status === 'done') expect(header.length).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          seen.add('error');
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 3000 },
    );
    expect([...seen].sort()).toEqual(['done', 'error', 'incomplete']);
  });
});
