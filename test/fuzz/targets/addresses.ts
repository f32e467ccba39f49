/** PROXY headers, STUN, and addresses as text: those that peers have, and those that people list. */
import { isIP, isIPv4 } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { nftScript } from '../../../src/deploy/nft-script.ts';
import { parseAddressRange } from '../../../src/protocol/address-set.ts';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import { formatIpAddress, parseIpAddress } from '../../../src/protocol/ip-address.ts';
import { readProxyHeader } from '../../../src/protocol/proxy-header.ts';
import {
  encodeBindingAnswer,
  encodeBindingRequest,
  parseBindingAnswer,
  readBindingRequest,
  stunTransactionId,
} from '../../../src/protocol/stun.ts';
import { addressList } from '../../../src/relay/front/proxy-front.ts';
import { chosenSource, formatAddressChoice, parseAddressSource } from '../../../src/setup/access/address-source.ts';
import { formatClientRateChoice, parseClientRateChoice } from '../../../src/setup/access/client-rate.ts';
import { proxyV1, proxyV2, proxyV2Local } from '../../relay/support/proxy-header.ts';
import { mutateBytes, words } from '../mutate.ts';
import type { Random } from '../random.ts';
import { attempt, type FuzzTarget, promise, readerTarget } from '../target.ts';

const headers = [
  proxyV1('192.0.2.1', 1234),
  proxyV1('2001:db8::1', 65_535),
  Buffer.from('PROXY UNKNOWN ffff:f...f:ffff 65535\r\nGET /'),
  proxyV2('192.0.2.1', 1, Buffer.from('0400010a', 'hex')),
  proxyV2('2001:db8::7', 443),
  proxyV2Local(),
  Buffer.concat([proxyV2('192.0.2.1', 1), Buffer.from('1603010200', 'hex')]),
];
const headerWords = words(
  '\r\n',
  ' ',
  'TCP4',
  'TCP6',
  'UNKNOWN',
  '0',
  '65536',
  '::',
  '::ffff:1.2.3.4',
  '%eth0',
  'PROXY ',
  '\r\n\0\r\nQUIT\n',
);

function checkProxyHeader(input: Buffer): boolean {
  const whole = attempt(() => readProxyHeader(input), ProtocolError);
  // Byte for byte where it is decided: once it is, nothing that follows may change it.
  for (const length of [1, 8, 12, 13, 16, 28, input.length >> 1, input.length - 1]) {
    if (length < 1 || length >= input.length) continue;
    const part = attempt(() => readProxyHeader(input.subarray(0, length)), ProtocolError);
    if (part instanceof ProtocolError) {
      promise(whole instanceof ProtocolError, () => `wrong after ${length} bytes, right in the end`);
    } else if (part.status === 'done') {
      promise(JSON.stringify(part) === JSON.stringify(whole), () => `decided after ${length} bytes, changed by more`);
    } else if (!(whole instanceof ProtocolError) && whole.status === 'done') {
      promise(whole.length > length, () => `incomplete with ${length} bytes of ${whole.length}`);
    }
  }
  if (whole instanceof ProtocolError || whole.status === 'incomplete') {
    promise(whole instanceof ProtocolError || input.length < 4112, () => 'waits for more after 4,112 bytes');
    return false;
  }
  promise(whole.length <= input.length && whole.length <= 4112, () => `a header of ${whole.length} bytes`);
  for (const end of [whole.source, whole.destination]) {
    if (end === undefined) continue;
    promise(isIP(end.address) > 0, () => `${end.address} is not an address`);
    promise(Number.isInteger(end.port) && end.port >= 0 && end.port <= 65_535, () => `port ${end.port}`);
  }
  return true;
}

const transaction = Buffer.from('0102030405060708090a0b0c', 'hex');
const stunRequest = encodeBindingRequest(transaction);
const stunRequests = [stunRequest, stunRequest.subarray(0, 20), Buffer.concat([stunRequest, stunRequest])];
const stunAnswers = [
  encodeBindingAnswer(transaction, '192.0.2.1', 1234),
  encodeBindingAnswer(transaction, '2001:db8::1', 1),
  // An error answer, 400 with a reason.
  Buffer.from('0111000c2112a4420102030405060708090a0b0c00090008000004004e6f2121', 'hex'),
  // MAPPED-ADDRESS of an old server.
  Buffer.from('0101000c2112a4420102030405060708090a0b0c0001000800011234c0000201', 'hex'),
];

const addresses = [
  '192.0.2.1',
  '2001:db8::1',
  '::',
  '::1',
  '::ffff:192.0.2.1',
  'fe80::1%eth0',
  '1:2:3:4:5:6:7:8',
  '1::8',
  '64:ff9b::192.0.2.33',
];
const addressWords = words(
  ':',
  '::',
  '.',
  '0',
  '00',
  '255',
  '256',
  'ffff',
  '%',
  '/',
  '/24',
  '/0',
  '/129',
  ' ',
  '1e1',
  '0x1',
);

const accessWords = [...addressWords, ...words('"', ',', '\n', 'none', './', '../', 'M', 'k', 'GB/s', '10M')];

/** What is accepted is the same when it is saved and read again, and the kernel's filter can be told of it. */
function checkAccess(given: string): boolean {
  const rate = parseClientRateChoice(given);
  if (rate.ok) {
    const again = parseClientRateChoice(formatClientRateChoice(rate.value));
    promise(again.ok && isDeepStrictEqual(again.value, rate.value), () => `${given} became another rate`);
  }
  const list = parseAddressSource(given);
  if (!list.ok) return rate.ok;
  const again = parseAddressSource(formatAddressChoice(list.value));
  promise(again.ok && isDeepStrictEqual(again.value, list.value), () => `${given} became another list`);
  const ranges = (chosenSource(list.value)?.ranges ?? []).map(parseAddressRange);
  const { text: script } = nftScript({
    allow: ranges,
    deny: ranges,
    derpPort: 443,
    stunPort: -1,
    proxies: [],
    installed: true,
  });
  promise(/^[\w@{}:;=,.!"/ \n-]*$/.test(script), () => `what nft is told has other signs in it: ${given}`);
  return true;
}

/** Text that changes here and there, as bytes. */
const text = (choices: readonly string[], more: readonly Buffer[]) => (random: Random) =>
  mutateBytes(random, Buffer.from(random.pick(choices)), { words: more, most: 200 });

export const addressTargets: readonly FuzzTarget[] = [
  {
    name: 'PROXY header',
    share: 12,
    make: (random) => mutateBytes(random, random.pick(headers), { words: headerWords, most: 5000 }),
    check: checkProxyHeader,
  },
  readerTarget(
    'STUN request',
    14,
    (random) => mutateBytes(random, random.pick(stunRequests), { most: 1500 }),
    (input) => {
      stunTransactionId(input);
      const request = readBindingRequest(input);
      if (request === undefined) return false;
      const answer = encodeBindingAnswer(request.transactionId, '192.0.2.7', 4321);
      const { address, port } = parseBindingAnswer(answer, request.transactionId);
      promise(address === '192.0.2.7' && port === 4321, () => `answered with ${address} ${port}`);
      promise(answer.length <= Math.max(32, input.length + 12), () => 'the answer is much longer than the request');
      return true;
    },
  ),
  readerTarget(
    'STUN answer',
    10,
    (random) => mutateBytes(random, random.pick(stunAnswers), { most: 1500 }),
    (input) => {
      const { address } = parseBindingAnswer(input, transaction);
      promise(isIP(address) > 0, () => `${address} is not an address`);
      return true;
    },
    ProtocolError,
  ),
  readerTarget('IP address', 8, text(addresses, addressWords), (input) => {
    const given = input.toString('latin1');
    const bytes = parseIpAddress(given);
    const bare = given.includes(':') ? given.split('%')[0]! : given;
    // Node's own reader is the judge; zones, which it reads too, are left off here.
    promise((bytes !== undefined) === isIP(bare) > 0, () => `${JSON.stringify(given)}: Node says ${isIP(bare)}`);
    if (bytes === undefined) return false;
    const again = formatIpAddress(bytes);
    promise(isIP(again) > 0 && parseIpAddress(again)!.equals(bytes), () => `${given} became ${again}`);
    promise(isIPv4(again) === (bytes.length === 4), () => `${again} is not of its family`);
    return true;
  }),
  readerTarget(
    'address range',
    2,
    text(['10.0.0.0/8', '2001:db8::/32', '192.0.2.1', '::1/128'], addressWords),
    (input) => addressList([input.toString('latin1')]),
    RangeError,
  ),
  readerTarget(
    'lists and rates of setup',
    3,
    text(
      ['10.0.0.0/8, 192.0.2.1 2001:db8::/32', '/srv/a.txt,"/srv/b, c" 192.0.2.0/25', 'none', '10M:20M', '500k'],
      accessWords,
    ),
    (input) => checkAccess(input.toString('utf8')),
  ),
];
