/** What is read of TLS before TLS reads it, and lists of addresses. */
import { AddressListError, AddressSet, parseAddressList } from '../../../src/protocol/address-set.ts';
import { readClientHello } from '../../../src/protocol/client-hello.ts';
import { formatIpAddress } from '../../../src/protocol/ip-address.ts';
import { mutateBytes, words } from '../mutate.ts';
import { attempt, type FuzzTarget, promise } from '../target.ts';

const MOST_HELLO = 1 << 14;

function withLength(bytes: Buffer, length: 1 | 2 | 3): Buffer {
  const head = Buffer.alloc(length);
  head.writeUIntBE(bytes.length, 0, length);
  return Buffer.concat([head, bytes]);
}

const hex = (text: string) => Buffer.from(text, 'hex');
const extension = (type: string, value: Buffer) => Buffer.concat([hex(type), withLength(value, 2)]);
const serverName = (name: string) =>
  extension('0000', withLength(Buffer.concat([hex('00'), withLength(Buffer.from(name), 2)]), 2));
const protocols = (...names: string[]) =>
  extension('0010', withLength(Buffer.concat(names.map((name) => withLength(Buffer.from(name), 1))), 2));

/** A ClientHello in records of at most `size` bytes. */
function hello(size: number, ...extensions: Buffer[]): Buffer {
  const start = Buffer.concat([hex('0303'), Buffer.alloc(32, 7), withLength(Buffer.alloc(32, 9), 1)]);
  const rest = Buffer.concat([withLength(hex('13011302c02b'), 2), hex('0100')]);
  const body = Buffer.concat([start, rest, withLength(Buffer.concat(extensions), 2)]);
  const message = Buffer.concat([hex('01'), withLength(body, 3)]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    records.push(hex('160301'), withLength(message.subarray(at, at + size), 2));
  }
  return Buffer.concat(records);
}

const hellos = [
  hello(16_384, serverName('derp.example'), protocols('acme-tls/1')),
  hello(16_384, extension('002b', hex('020304')), protocols('h2', 'http/1.1'), serverName('7.113.0.203.in-addr.arpa')),
  hello(20, serverName('derp.example'), protocols('acme-tls/1')),
  hello(16_384),
];
const helloWords = words('acme-tls/1', 'http/1.1', '\0\0', '\x16\x03\x01', '\x14\x03\x03\0\x01\x01');

function checkHello(input: Buffer): boolean {
  const whole = readClientHello(input);
  // Once it is decided, nothing that follows may change it.
  for (const length of [0, 1, 5, 6, 9, 43, input.length >> 1, input.length - 1]) {
    if (length < 0 || length >= input.length) continue;
    const part = readClientHello(input.subarray(0, length));
    if (part.status === 'incomplete') continue;
    promise(JSON.stringify(part) === JSON.stringify(whole), () => `decided after ${length} bytes, changed by more`);
  }
  promise(whole.status !== 'incomplete' || input.length < MOST_HELLO, () => 'waits for more after 16 KB');
  return whole.status === 'done';
}

const lists = [
  '192.0.2.1\n192.0.2.0/24 # comment\n2001:db8::/32\n',
  '# nothing\r\n\r\n10.0.0.0/8\r\n',
  '0.0.0.0/0\n::/0\n::ffff:192.0.2.0/120',
];
const listWords = words('/', '/0', '/32', '/128', '/-1', '#', '\n', '::', '.', '255', '%eth0', '0x1', '::ffff:');

function checkList(input: Buffer): boolean {
  const ranges = attempt(() => parseAddressList(input.toString('utf8')), AddressListError);
  if (ranges instanceof AddressListError) {
    promise(ranges.line >= 1 && ranges.message.length < 600, () => `line ${ranges.line}: ${ranges.message}`);
    return false;
  }
  const set = new AddressSet(ranges);
  promise(set.ranges <= ranges.length, () => 'more ranges than were given');
  for (const { first, last } of ranges) {
    for (const bound of [first, last]) {
      const address = formatIpAddress(bound);
      // The bounds of ::/0 and the like may lie among the IPv4 addresses written as IPv6.
      promise(set.has(address) || bound.subarray(0, 10).every((byte) => byte === 0), () => `${address} is not in it`);
    }
  }
  return true;
}

export const tlsTargets: readonly FuzzTarget[] = [
  {
    name: 'ClientHello',
    share: 12,
    make: (random) => mutateBytes(random, random.pick(hellos), { words: helloWords, most: 20_000 }),
    check: checkHello,
  },
  {
    name: 'address list',
    share: 8,
    make: (random) => mutateBytes(random, Buffer.from(random.pick(lists)), { words: listWords, most: 400 }),
    check: checkList,
  },
];
