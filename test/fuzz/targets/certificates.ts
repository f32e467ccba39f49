/** The certificates that a client reads: all that a TLS server sends, and the one that names the relay's key. */
import { createCipheriv, createHmac } from 'node:crypto';
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

export const certificateTargets: readonly FuzzTarget[] = [
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
