/**
 * Curve25519 keys of nodes and relays and their text forms.
 * Source: tailscale `types/key/node.go`, `types/key/derp.go`.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import { ProtocolError } from './errors.ts';
import { KEY_LENGTH } from './frame-types.ts';

const PUBLIC_PREFIX = 'nodekey:';
const PRIVATE_PREFIX = 'privkey:';

/** A key pair, raw keys of 32 bytes each, with the private key ready for node:crypto. */
export interface KeyPair {
  readonly publicKey: Buffer;
  readonly privateKey: Buffer;
  readonly privateKeyObject: KeyObject;
}

function parseHex(what: string, text: string, length: number): Buffer {
  if (text.length !== length * 2 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new ProtocolError('bad-key', `${what} is not ${length * 2} hex digits`);
  }
  return Buffer.from(text, 'hex');
}

/** `nodekey:<64 hex>` of a raw public key. */
export function formatPublicKey(key: Uint8Array): string {
  return PUBLIC_PREFIX + formatUntypedKey(key);
}

/** `privkey:<64 hex>` of a raw private key. */
export function formatPrivateKey(key: Uint8Array): string {
  return PRIVATE_PREFIX + formatUntypedKey(key);
}

/** The 64 lower-case hex digits alone ("untyped hex"), as in `Derp-Public-Key` and the meta certificate's name. */
export function formatUntypedKey(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('hex');
}

/** Seven characters that tell keys apart in logs: `[n4Kqz]` as Tailscale prints them (first 5 of the base64). */
export function shortKey(key: Uint8Array): string {
  return `[${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('base64').slice(0, 5)}]`;
}

/** Parses `nodekey:<64 hex>`. @throws ProtocolError bad-key */
export function parsePublicKey(text: string): Buffer {
  if (!text.startsWith(PUBLIC_PREFIX)) throw new ProtocolError('bad-key', `a public key starts with ${PUBLIC_PREFIX}`);
  return parseHex('the public key', text.slice(PUBLIC_PREFIX.length), KEY_LENGTH);
}

/** Parses 64 hex digits without a prefix. @throws ProtocolError bad-key */
export function parseUntypedKey(text: string): Buffer {
  return parseHex('the key', text, KEY_LENGTH);
}

/** Parses `privkey:<64 hex>`. The error never contains the key. @throws ProtocolError bad-key */
export function parsePrivateKey(text: string): Buffer {
  if (!text.startsWith(PRIVATE_PREFIX)) {
    throw new ProtocolError('bad-key', `a private key starts with ${PRIVATE_PREFIX}`);
  }
  return parseHex('the private key', text.slice(PRIVATE_PREFIX.length), KEY_LENGTH);
}

/** Parses a mesh key: 64 lower-case hex digits, white space around them allowed. @throws ProtocolError bad-key */
export function parseMeshKey(text: string): Buffer {
  const trimmed = text.trim();
  if (/[A-F]/.test(trimmed)) throw new ProtocolError('bad-key', 'the mesh key has upper-case hex digits');
  return parseHex('the mesh key', trimmed, KEY_LENGTH);
}

/** Compares two keys in constant time; false for different lengths. */
export function keysEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** True for the all-zero key, which nothing may be sealed to or opened from. */
export function isZeroKey(key: Uint8Array): boolean {
  let any = 0;
  for (let i = 0; i < key.length; i++) any |= key[i]!;
  return any === 0;
}

// RFC 8410: the DER that surrounds a raw X25519 private key in PKCS #8.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** The key pair of a raw private key. @throws ProtocolError bad-key unless it is 32 bytes and not zero */
export function keyPairOf(privateKey: Uint8Array): KeyPair {
  if (privateKey.length !== KEY_LENGTH) {
    throw new ProtocolError('bad-key', `a private key is ${KEY_LENGTH} bytes, not ${privateKey.length}`);
  }
  if (isZeroKey(privateKey)) throw new ProtocolError('bad-key', 'the private key is zero');
  const privateKeyObject = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, privateKey]),
    format: 'der',
    type: 'pkcs8',
  });
  const { x } = createPublicKey(privateKeyObject).export({ format: 'jwk' });
  return { publicKey: Buffer.from(x!, 'base64url'), privateKey: Buffer.from(privateKey), privateKeyObject };
}

/** A new random key pair. */
export function generateKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync('x25519');
  const { d } = privateKey.export({ format: 'jwk' });
  return keyPairOf(Buffer.from(d!, 'base64url'));
}

/** derper's key file: JSON `{"PrivateKey": "privkey:…"}`, so that a relay can move between the two programs. */
export function formatKeyFile(pair: KeyPair): string {
  return `${JSON.stringify({ PrivateKey: formatPrivateKey(pair.privateKey) }, null, '\t')}\n`;
}

/** Parses derper's key file. The error never contains the key. @throws ProtocolError bad-key, bad-json */
export function parseKeyFile(text: string): KeyPair {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and the text holds the key.
    throw new ProtocolError('bad-json', 'the key file is not JSON of the form {"PrivateKey": "privkey:…"}');
  }
  const key = typeof json === 'object' && json !== null && 'PrivateKey' in json ? json.PrivateKey : undefined;
  if (typeof key !== 'string') {
    throw new ProtocolError('bad-key', 'the key file has no "PrivateKey"');
  }
  return keyPairOf(parsePrivateKey(key));
}
