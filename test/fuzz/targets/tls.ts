/** The first and the last that is seen of TLS from outside: a client's hello, and a server's certificates. */
import { createCipheriv, createHmac } from 'node:crypto';
import { readClientHello } from '../../../src/protocol/client-hello.ts';
import { readMetaCertificate } from '../../../src/protocol/meta-certificate.ts';
import { readTlsCertificates } from '../../../src/protocol/tls-certificates.ts';
import { goMetaCertificate } from '../../protocol/meta-certificate-fixture.ts';
import { mutateBytes } from '../mutate.ts';
import type { Random } from '../random.ts';
import { type FuzzTarget, promise, readerTarget } from '../target.ts';

/** HKDF-Expand-Label with an empty context, RFC 8446, 7.1: written again here, to be a second opinion. */
function expandLabel(secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.of(0, length, name.length), name, Buffer.of(0, 1)]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, length);
}

const secret = Buffer.alloc(32, 0x33);
const keyLog = `SERVER_HANDSHAKE_TRAFFIC_SECRET ${'00'.repeat(32)} ${secret.toString('hex')}\n`;
const trafficKey = expandLabel(secret, 'key', 16);
const trafficIv = expandLabel(secret, 'iv', 12);
const u16 = (value: number) => Buffer.of(value >> 8, value);
const u24 = (value: number) => Buffer.of(value >> 16, value >> 8, value);
const record = (type: number, body: Buffer) => Buffer.concat([Buffer.of(type, 3, 3), u16(body.length), body]);
const message = (type: number, body: Buffer) => Buffer.concat([Buffer.of(type), u24(body.length), body]);

function serverHello(isTls13: boolean): Buffer {
  const versions = Buffer.from('002b00020304', 'hex');
  const extensions = isTls13 ? Buffer.concat([u16(versions.length), versions]) : u16(0);
  return message(
    2,
    Buffer.concat([u16(0x0303), Buffer.alloc(32, 9), Buffer.of(0), u16(0x1301), Buffer.of(0), extensions]),
  );
}

function certificates(isTls13: boolean, chain: readonly Buffer[]): Buffer {
  const entries = chain.map((der) => Buffer.concat([u24(der.length), der, ...(isTls13 ? [u16(0)] : [])]));
  const list = Buffer.concat(entries);
  return message(11, Buffer.concat([...(isTls13 ? [Buffer.of(0)] : []), u24(list.length), list]));
}

/** The server's first flight; in TLS 1.3 what is inside the encryption is changed before it is encrypted. */
function makeFlight(random: Random): Buffer {
  const isTls13 = random.oneIn(2);
  const chain = [goMetaCertificate, Buffer.alloc(40, 7), goMetaCertificate].slice(0, 1 + random.below(3));
  let messages = certificates(isTls13, chain);
  if (!isTls13) {
    const flight = Buffer.concat([record(22, serverHello(false)), record(22, messages)]);
    return mutateBytes(random, flight, { most: 8192 });
  }
  messages = mutateBytes(random, Buffer.concat([message(8, u16(0)), messages]), { most: 8192 });
  const records = [record(22, serverHello(true)), record(20, Buffer.of(1))];
  const piece = 1 + random.below(messages.length + 1);
  for (let at = 0, sequence = 0; at < messages.length && sequence < 60; at += piece, sequence++) {
    const plain = Buffer.concat([messages.subarray(at, at + piece), Buffer.of(22), Buffer.alloc(random.length(20))]);
    const nonce = Buffer.from(trafficIv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence) >>> 0, 8);
    const header = Buffer.concat([Buffer.of(23, 3, 3), u16(plain.length + 16)]);
    const cipher = createCipheriv('aes-128-gcm', trafficKey, nonce).setAAD(header);
    records.push(header, cipher.update(plain), cipher.final(), cipher.getAuthTag());
  }
  const flight = Buffer.concat(records);
  return random.oneIn(3) ? mutateBytes(random, flight, { most: 8192 }) : flight;
}

/** A hello with a server name and protocols, in one record or several. */
function makeHello(random: Random): Buffer {
  const extension = (type: number, value: Buffer) => Buffer.concat([u16(type), u16(value.length), value]);
  const name = Buffer.from(random.pick(['derp.example.com', '7.2.0.192.in-addr.arpa', 'x']));
  const protocols = Buffer.concat(
    random
      .pick([['acme-tls/1'], ['h2', 'http/1.1'], []])
      .map((one) => Buffer.from(`${String.fromCharCode(one.length)}${one}`)),
  );
  const extensions = Buffer.concat([
    extension(0, Buffer.concat([u16(name.length + 3), Buffer.of(0), u16(name.length), name])),
    extension(16, Buffer.concat([u16(protocols.length), protocols])),
    extension(43, Buffer.from('020304', 'hex')),
  ]);
  const start = Buffer.concat([u16(0x0303), Buffer.alloc(32, 9), Buffer.of(0), u16(2), u16(0x1301), Buffer.of(1, 0)]);
  const hello = mutateBytes(random, message(1, Buffer.concat([start, u16(extensions.length), extensions])));
  const piece = random.oneIn(2) ? hello.length + 1 : 1 + random.below(hello.length + 1);
  const records: Buffer[] = [];
  for (let at = 0; at < hello.length && records.length < 200; at += piece)
    records.push(record(22, hello.subarray(at, at + piece)));
  const whole = Buffer.concat(records);
  return random.oneIn(3) ? mutateBytes(random, whole, { most: 20_000 }) : whole;
}

function checkHello(input: Buffer): boolean {
  const whole = readClientHello(input);
  for (const length of [1, 5, 6, 9, input.length >> 1, input.length - 1]) {
    if (length < 0 || length >= input.length) continue;
    const part = readClientHello(input.subarray(0, length));
    const decided = part.status !== 'incomplete';
    const same = JSON.stringify(part) === JSON.stringify(whole);
    promise(!decided || same, () => `${part.status} after ${length} bytes, ${whole.status} in the end`);
  }
  promise(whole.status !== 'incomplete' || input.length < 1 << 14, () => 'waits for more after 16 KB');
  return whole.status === 'done';
}

export const tlsTargets: readonly FuzzTarget[] = [
  { name: 'ClientHello', share: 6, make: makeHello, check: checkHello },
  readerTarget('TLS certificates', 2, makeFlight, (input) => readTlsCertificates(input, keyLog)),
  readerTarget(
    'meta certificate',
    2,
    (random) => mutateBytes(random, goMetaCertificate),
    (input) => {
      const identity = readMetaCertificate(input);
      if (identity === undefined) return false;
      promise(identity.publicKey.length === 32, () => `a key of ${identity.publicKey.length} bytes`);
      return identity.protocolVersion >= 0 && identity.protocolVersion <= 255;
    },
  ),
];
