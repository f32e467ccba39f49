/**
 * Reads which certificates a TLS server sent, all of them and in order, from the bytes of its side of the handshake.
 * Node shows a client only the leaf and its issuers, so neither the meta certificate nor an unrelated extra certificate,
 * and those are what Tailscale's clients look at: the one for fast start, the other to refuse a pin.
 *
 * TLS 1.2 sends the chain in the clear (RFC 5246, 7.4.2). TLS 1.3 encrypts it with a key made from the handshake
 * secret (RFC 8446, 4.4.2 and 7.3), which Node gives to the client itself by its `keylog` event.
 */
import { createDecipheriv, createHmac } from 'node:crypto';

/** Record types (RFC 8446, 5.1). */
const Record = { ChangeCipherSpec: 20, Handshake: 22, ApplicationData: 23 } as const;
/** Handshake message types (RFC 8446, 4). */
const Message = { ServerHello: 2, Certificate: 11 } as const;

const RECORD_HEADER_LENGTH = 5;
const MESSAGE_HEADER_LENGTH = 4;
const TAG_LENGTH = 16;
const IV_LENGTH = 12;
const SUPPORTED_VERSIONS = 43;
const TLS_1_3 = 0x0304;

/** This in place of the server's random says that the message is no ServerHello but asks for another try (4.1.3). */
const HELLO_RETRY_RANDOM = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex');

/** The cipher suites of TLS 1.3 that Node speaks (RFC 8446, B.4). */
const SUITES = new Map([
  [0x1301, { cipher: 'aes-128-gcm', keyLength: 16, hash: 'sha256' }],
  [0x1302, { cipher: 'aes-256-gcm', keyLength: 32, hash: 'sha384' }],
  [0x1303, { cipher: 'chacha20-poly1305', keyLength: 32, hash: 'sha256' }],
] as const);
type Suite = typeof SUITES extends Map<number, infer S> ? S : never;

/**
 * The certificates (DER each) of the server's Certificate message, in the order sent.
 * @param bytes what the server sent from the start of the connection, records with their headers
 * @param keyLog the lines of Node's `keylog` event so far; only TLS 1.3 needs them
 * @returns undefined while the message has not wholly arrived, and when it cannot be read: broken bytes, the secret
 *   missing or of another connection, a resumed session, a compressed chain (RFC 8879). Never throws.
 */
export function readTlsCertificates(bytes: Buffer, keyLog: string): Buffer[] | undefined {
  let messages: Buffer = Buffer.alloc(0);
  let decrypt: ((header: Buffer, body: Buffer) => Buffer | undefined) | undefined;
  for (let offset = 0; offset + RECORD_HEADER_LENGTH <= bytes.length; ) {
    const header = bytes.subarray(offset, offset + RECORD_HEADER_LENGTH);
    const end = offset + RECORD_HEADER_LENGTH + header.readUInt16BE(3);
    if (end > bytes.length) return undefined;
    const body = bytes.subarray(offset + RECORD_HEADER_LENGTH, end);
    offset = end;
    // A relic for the sake of middleboxes in TLS 1.3; in 1.2 it comes after the certificates.
    if (header[0] === Record.ChangeCipherSpec) continue;
    if (header[0] === Record.Handshake && !decrypt) messages = Buffer.concat([messages, body]);
    else if (header[0] === Record.ApplicationData && decrypt) {
      const plain = decrypt(header, body);
      if (!plain) return undefined;
      messages = Buffer.concat([messages, plain]);
    } else return undefined;
    for (let next = takeMessage(messages); next; next = takeMessage(messages)) {
      messages = messages.subarray(next.length);
      if (next.type === Message.Certificate) return readCertificateMessage(next.body, decrypt !== undefined);
      if (next.type !== Message.ServerHello) continue;
      const suite = readServerHello(next.body);
      if (suite === 'broken') return undefined;
      if (suite) decrypt = recordDecrypter(suite, keyLog);
    }
  }
  return undefined;
}

/** The first handshake message: 1-byte type ‖ 3-byte length ‖ body. Undefined while it is not whole. */
function takeMessage(bytes: Buffer): { type: number; length: number; body: Buffer } | undefined {
  if (bytes.length < MESSAGE_HEADER_LENGTH) return undefined;
  const length = MESSAGE_HEADER_LENGTH + bytes.readUIntBE(1, 3);
  if (bytes.length < length) return undefined;
  return { type: bytes[0]!, length, body: bytes.subarray(MESSAGE_HEADER_LENGTH, length) };
}

/**
 * ServerHello: 2-byte version ‖ 32-byte random ‖ session id (1-byte length) ‖ 2-byte suite ‖ 1-byte compression ‖
 * extensions (2-byte length; each 2-byte type ‖ 2-byte length ‖ value). Returns the suite if TLS 1.3 begins with it.
 */
function readServerHello(body: Buffer): Suite | 'broken' | undefined {
  if (body.length < 35) return 'broken';
  if (body.subarray(2, 34).equals(HELLO_RETRY_RANDOM)) return undefined;
  let offset = 35 + body[34]!;
  // An old server may leave the extensions out.
  if (offset + 5 > body.length) return offset + 3 <= body.length ? undefined : 'broken';
  const suite = body.readUInt16BE(offset);
  offset += 5;
  while (offset + 4 <= body.length) {
    const type = body.readUInt16BE(offset);
    const length = body.readUInt16BE(offset + 2);
    if (offset + 4 + length > body.length) return 'broken';
    if (type === SUPPORTED_VERSIONS && length === 2 && body.readUInt16BE(offset + 4) === TLS_1_3) {
      return SUITES.get(suite as 0x1301) ?? 'broken';
    }
    offset += 4 + length;
  }
  return undefined;
}

/** Opens one encrypted handshake record after the other; undefined for one that is not a handshake record of this key. */
function recordDecrypter(suite: Suite, keyLog: string): (header: Buffer, body: Buffer) => Buffer | undefined {
  const secretHex = /^SERVER_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]{64} ([0-9a-f]+)$/m.exec(keyLog)?.[1];
  if (!secretHex) return () => undefined;
  const secret = Buffer.from(secretHex, 'hex');
  const key = expandLabel(suite.hash, secret, 'key', suite.keyLength);
  const iv = expandLabel(suite.hash, secret, 'iv', IV_LENGTH);
  let sequence = 0;
  return (header, body) => {
    if (body.length <= TAG_LENGTH) return undefined;
    // The nonce is the IV with the record's number xored into its end (5.3).
    const nonce = Buffer.from(iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(IV_LENGTH - 4) ^ sequence++) >>> 0, IV_LENGTH - 4);
    const options = { authTagLength: TAG_LENGTH };
    const decipher = createDecipheriv(suite.cipher as 'aes-128-gcm', key, nonce, options);
    decipher.setAAD(header);
    decipher.setAuthTag(body.subarray(-TAG_LENGTH));
    let plain: Buffer;
    try {
      plain = Buffer.concat([decipher.update(body.subarray(0, -TAG_LENGTH)), decipher.final()]);
    } catch {
      return undefined;
    }
    // Content ‖ 1-byte real record type ‖ zeros as padding (5.2).
    let end = plain.length - 1;
    while (end >= 0 && plain[end] === 0) end--;
    return end >= 0 && plain[end] === Record.Handshake ? plain.subarray(0, end) : undefined;
  };
}

/** HKDF-Expand-Label with an empty context (RFC 8446, 7.1), for results no longer than the hash. */
function expandLabel(hash: string, secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Uint8Array.of(0, length, name.length), name, Uint8Array.of(0, 1)]);
  return createHmac(hash, secret).update(info).digest().subarray(0, length);
}

/**
 * TLS 1.2: 3-byte length ‖ entries of 3-byte length ‖ DER. TLS 1.3: context (1-byte length) in front, and 2-byte length ‖
 * extensions after each entry's DER.
 */
function readCertificateMessage(body: Buffer, isTls13: boolean): Buffer[] | undefined {
  let offset = isTls13 ? 1 + (body[0] ?? 0) : 0;
  if (offset + 3 > body.length || offset + 3 + body.readUIntBE(offset, 3) !== body.length) return undefined;
  offset += 3;
  const certificates: Buffer[] = [];
  while (offset < body.length) {
    if (offset + 3 > body.length) return undefined;
    const end = offset + 3 + body.readUIntBE(offset, 3);
    if (end > body.length || (isTls13 && end + 2 > body.length)) return undefined;
    certificates.push(body.subarray(offset + 3, end));
    offset = isTls13 ? end + 2 + body.readUInt16BE(end) : end;
    if (offset > body.length) return undefined;
  }
  return certificates;
}
