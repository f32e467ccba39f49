/**
 * NaCl crypto_box (X25519, XSalsa20-Poly1305) as DERP uses it: `24-byte nonce ‖ box`.
 * The key agreement is node:crypto's, the cipher @noble/ciphers'.
 * Source: https://nacl.cr.yp.to/box.html, tailscale `types/key/node.go` (SealTo, OpenFrom).
 */
import { createPublicKey, diffieHellman, randomFillSync } from 'node:crypto';
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { ProtocolError } from './errors.ts';
import { isZeroKey, type KeyPair } from './keys.ts';

/** Bytes of the nonce in front of every box. */
export const NONCE_LENGTH = 24;
/** Bytes that sealing adds: the nonce and Poly1305's tag. */
export const BOX_OVERHEAD = NONCE_LENGTH + 16;

// "expand 32-byte k", Salsa20's constant, as the little-endian words that hsalsa takes.
const SIGMA = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);
const ZERO_INPUT = new Uint32Array(4);

/** What two parties share; made once, then any number of boxes both ways. 32 bytes, secret. */
export type SharedKey = Uint8Array;

/**
 * The key shared by our pair and a peer: HSalsa20 of the X25519 secret.
 * @throws ProtocolError bad-key for a zero key or one of low order, with which anybody could compute the secret
 */
export function sharedKey(pair: KeyPair, peer: Uint8Array): SharedKey {
  if (peer.length !== 32 || isZeroKey(peer))
    throw new ProtocolError('bad-key', 'the peer’s key is zero or not 32 bytes');
  let secret: Buffer;
  try {
    // As JWK: importing the same key as DER takes more than ten times as long.
    const x = Buffer.from(peer.buffer, peer.byteOffset, peer.byteLength).toString('base64url');
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
    secret = diffieHellman({ privateKey: pair.privateKeyObject, publicKey });
  } catch (cause) {
    throw new ProtocolError('bad-key', 'the peer’s key is of low order', { cause });
  }
  const key = new Uint32Array(8);
  const bytes = new Uint8Array(key.buffer);
  bytes.set(secret);
  const out = new Uint32Array(8);
  hsalsa(SIGMA, key, ZERO_INPUT, out);
  return new Uint8Array(out.buffer);
}

/** Seals a message under a fresh random nonce. @returns `nonce ‖ box` */
export function seal(shared: SharedKey, message: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(BOX_OVERHEAD + message.length);
  const nonce = randomFillSync(sealed.subarray(0, NONCE_LENGTH));
  sealed.set(xsalsa20poly1305(shared, nonce).encrypt(message), NONCE_LENGTH);
  return sealed;
}

/** Opens `nonce ‖ box`. @throws ProtocolError bad-box when it is too short or was not sealed with this key */
export function open(shared: SharedKey, sealed: Uint8Array): Buffer {
  if (sealed.length < BOX_OVERHEAD) throw new ProtocolError('bad-box', `a box of ${sealed.length} bytes is too short`);
  try {
    const message = xsalsa20poly1305(shared, sealed.subarray(0, NONCE_LENGTH)).decrypt(sealed.subarray(NONCE_LENGTH));
    return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  } catch (cause) {
    throw new ProtocolError('bad-box', 'the box was not sealed with this key', { cause });
  }
}
