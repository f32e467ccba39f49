import fc from 'fast-check';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { BOX_OVERHEAD, NONCE_LENGTH, open, seal, sharedKey } from '../../src/protocol/box.ts';
import { ProtocolError } from '../../src/protocol/errors.ts';
import { generateKeyPair, keyPairOf } from '../../src/protocol/keys.ts';

const relay = keyPairOf(Buffer.alloc(32, 7));
const client = keyPairOf(Buffer.alloc(32, 9));

describe('boxes', () => {
  it('agree byte for byte with another implementation of crypto_box, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (message) => {
        const ours = seal(sharedKey(relay, client.publicKey), message);
        const nonce = Uint8Array.from(ours.subarray(0, NONCE_LENGTH));
        const theirs = nacl.box(message, nonce, relay.publicKey, client.privateKey);
        expect(ours.subarray(NONCE_LENGTH).equals(theirs)).toBe(true);
        const back = open(sharedKey(relay, client.publicKey), Buffer.concat([nonce, theirs]));
        expect(back.equals(message)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('matches a fixture', () => {
    // crypto_box of "derp" from key 09…09 to key 07…07 under the nonce 01…01, made with tweetnacl 1.0.3.
    const boxed = Buffer.concat([Buffer.alloc(24, 1), Buffer.from('acbf8cfd12d95d2e386a37fca0c77accd31ecc38', 'hex')]);
    expect(open(sharedKey(relay, client.publicKey), boxed).toString()).toBe('derp');
  });

  it('use a fresh nonce each time', () => {
    const shared = sharedKey(relay, client.publicKey);
    expect(seal(shared, Buffer.from('x')).equals(seal(shared, Buffer.from('x')))).toBe(false);
  });

  it('do not open when a bit is flipped, when cut, or with another key', () => {
    const shared = sharedKey(relay, client.publicKey);
    const sealed = seal(shared, Buffer.from('a message'));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: sealed.length * 8 - 1 }), (bit) => {
        const flipped = Buffer.from(sealed);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        expect(() => open(shared, flipped)).toThrow(ProtocolError);
      }),
    );
    for (let length = 0; length < sealed.length; length++) {
      expect(() => open(shared, sealed.subarray(0, length))).toThrow(ProtocolError);
    }
    expect(() => open(sharedKey(generateKeyPair(), client.publicKey), sealed)).toThrow(/not sealed with this key/);
    expect(sealed.length).toBe(BOX_OVERHEAD + 9);
  });

  it('are never made for a zero key, nor for keys of low order', () => {
    expect(() => sharedKey(relay, Buffer.alloc(32))).toThrow(ProtocolError);
    expect(() => sharedKey(relay, Buffer.concat([Buffer.of(1), Buffer.alloc(31)]))).toThrow(/low order/);
    // One of the points of order 8, from https://cr.yp.to/ecdh.html.
    const order8 = Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex');
    expect(() => sharedKey(relay, order8)).toThrow(ProtocolError);
  });
});
