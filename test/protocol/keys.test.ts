import fc from 'fast-check';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../src/protocol/errors.ts';
import {
  formatKeyFile,
  formatPrivateKey,
  formatPublicKey,
  formatUntypedKey,
  generateKeyPair,
  isZeroKey,
  keyPairOf,
  keysEqual,
  parseKeyFile,
  parseMeshKey,
  parsePrivateKey,
  parsePublicKey,
  parseUntypedKey,
  shortKey,
} from '../../src/protocol/keys.ts';

const anyKey = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('key pairs', () => {
  it('derives the public key that another implementation derives', () => {
    fc.assert(
      fc.property(anyKey, (secret) => {
        fc.pre(!isZeroKey(secret));
        expect(keyPairOf(secret).publicKey.toString('hex')).toBe(
          Buffer.from(nacl.box.keyPair.fromSecretKey(secret).publicKey).toString('hex'),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('generates a different pair each time', () => {
    expect(generateKeyPair().publicKey.equals(generateKeyPair().publicKey)).toBe(false);
  });

  it('refuses a zero key and a short one', () => {
    expect(() => keyPairOf(Buffer.alloc(32))).toThrow(ProtocolError);
    expect(() => keyPairOf(Buffer.alloc(31, 1))).toThrow(/32 bytes, not 31/);
  });
});

describe('text forms', () => {
  it('round-trips every form', () => {
    fc.assert(
      fc.property(anyKey, (raw) => {
        const key = Buffer.from(raw);
        expect(parsePublicKey(formatPublicKey(key))).toEqual(key);
        expect(parsePrivateKey(formatPrivateKey(key))).toEqual(key);
        expect(parseUntypedKey(formatUntypedKey(key))).toEqual(key);
        expect(parseMeshKey(` ${formatUntypedKey(key)}\n`)).toEqual(key);
      }),
    );
  });

  it('writes them as Tailscale does', () => {
    const key = Buffer.alloc(32, 0xab);
    expect(formatPublicKey(key)).toBe(`nodekey:${'ab'.repeat(32)}`);
    expect(formatPrivateKey(key)).toBe(`privkey:${'ab'.repeat(32)}`);
    expect(shortKey(key)).toBe('[q6urq]');
  });

  it.each([
    ['', parsePublicKey],
    ['nodekey:', parsePublicKey],
    [`nodekey:${'ab'.repeat(31)}`, parsePublicKey],
    [`nodekey:${'ab'.repeat(31)}zz`, parsePublicKey],
    [`privkey:${'ab'.repeat(32)}`, parsePublicKey],
    [`nodekey:${'ab'.repeat(32)}`, parsePrivateKey],
    [`${'ab'.repeat(32)} `, parseUntypedKey],
    ['AB'.repeat(32), parseMeshKey],
    ['ab'.repeat(33), parseMeshKey],
  ])('refuses %j', (text, parse) => {
    expect(() => parse(text)).toThrow(ProtocolError);
  });

  it('throws nothing but ProtocolError for any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const parse of [parsePublicKey, parsePrivateKey, parseUntypedKey, parseMeshKey, parseKeyFile]) {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
      }),
    );
  });
});

describe('the key file', () => {
  it('round-trips, in the form derper writes', () => {
    const pair = generateKeyPair();
    const text = formatKeyFile(pair);
    expect(text).toBe(`{\n\t"PrivateKey": "privkey:${pair.privateKey.toString('hex')}"\n}\n`);
    expect(parseKeyFile(text).publicKey).toEqual(pair.publicKey);
  });

  it('never quotes the key in an error', () => {
    const text = formatKeyFile(generateKeyPair());
    for (const broken of [text.slice(0, -10), text.replace('privkey', 'privky'), text.replace('"}', '')]) {
      try {
        parseKeyFile(broken);
      } catch (error) {
        expect((error as Error).message).not.toMatch(/[0-9a-f]{16}/);
        expect(JSON.stringify(error)).not.toMatch(/[0-9a-f]{16}/);
      }
    }
    expect(() => parseKeyFile(text.slice(0, -10))).toThrow(ProtocolError);
  });
});

describe('comparing', () => {
  it('tells equal from different, and lengths', () => {
    expect(keysEqual(Buffer.alloc(32, 1), Buffer.alloc(32, 1))).toBe(true);
    expect(keysEqual(Buffer.alloc(32, 1), Buffer.alloc(32, 2))).toBe(false);
    expect(keysEqual(Buffer.alloc(32, 1), Buffer.alloc(31, 1))).toBe(false);
    expect(isZeroKey(Buffer.alloc(32))).toBe(true);
    expect(isZeroKey(Buffer.concat([Buffer.alloc(31), Buffer.of(1)]))).toBe(false);
  });
});
