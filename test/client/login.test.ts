import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Login } from '../../src/client/login.ts';
import { open, seal, sharedKey } from '../../src/protocol/box.ts';
import { ProtocolError } from '../../src/protocol/errors.ts';
import { encodeServerKey } from '../../src/protocol/frame-encoder.ts';
import { generateKeyPair } from '../../src/protocol/keys.ts';
import { encodeServerInfoJson } from '../../src/protocol/login.ts';

const relay = generateKeyPair();
const client = generateKeyPair();
const shared = sharedKey(relay, client.publicKey);
const greeting = encodeServerKey(relay.publicKey).subarray(5);
const serverInfo = seal(shared, encodeServerInfoJson({ version: 2 }));

/** What the relay reads in a ClientInfo frame. */
function read(frame: Buffer) {
  expect(frame[0]).toBe(0x02);
  expect(frame.subarray(5, 37)).toEqual(client.publicKey);
  return JSON.parse(open(shared, frame.subarray(37)).toString());
}

describe('Login', () => {
  it('waits for the relay’s key, then introduces itself once', () => {
    const login = new Login(client, { canAckPings: true, meshKey: 'ab'.repeat(32) }, undefined);
    expect([login.serverKey, login.hasIntroduced, login.serverKeyConfirmed]).toEqual([undefined, false, false]);
    const frame = login.takeServerKey(greeting, 0, greeting.length)!;
    expect(read(frame)).toMatchObject({ version: 2, CanAckPings: true, meshKey: 'ab'.repeat(32) });
    expect([login.serverKey, login.hasIntroduced, login.serverKeyConfirmed]).toEqual([relay.publicKey, true, true]);
    expect(login.takeServerKey(greeting, 0, greeting.length)).toBeUndefined();
    expect(login.takeServerInfo(serverInfo)).toEqual({ version: 2 });
  });

  it('speaks first when it knows the key, and takes the greeting as a confirmation', () => {
    const login = new Login(client, {}, relay.publicKey);
    expect(read(login.introduce())).toMatchObject({ version: 2 });
    expect(login.serverKeyConfirmed).toBe(false);
    expect(login.takeServerKey(greeting, 0, greeting.length)).toBeUndefined();
    expect(login.serverKeyConfirmed).toBe(true);
  });

  it('refuses another key than it expects', () => {
    const login = new Login(client, {}, randomBytes(32));
    expect(() => login.takeServerKey(greeting, 0, greeting.length)).toThrow(
      expect.objectContaining({ name: 'ProtocolError', code: 'bad-key' }),
    );
  });

  it('refuses ServerInfo before the login, and from anybody but the relay', () => {
    const login = new Login(client, {}, relay.publicKey);
    expect(() => login.takeServerInfo(serverInfo)).toThrow(expect.objectContaining({ code: 'unexpected-frame' }));
    login.introduce();
    const forged = seal(sharedKey(generateKeyPair(), client.publicKey), encodeServerInfoJson({ version: 2 }));
    expect(() => login.takeServerInfo(forged)).toThrow(expect.objectContaining({ code: 'bad-box' }));
  });

  it('throws nothing but ProtocolError for mutated frames of the relay', () => {
    const mutate = (bytes: Buffer) =>
      fc.tuple(fc.nat(bytes.length), fc.nat(bytes.length - 1), fc.nat(255)).map(([keep, at, value]) => {
        const copy = Buffer.from(bytes);
        copy[at] = value;
        return copy.subarray(0, keep);
      });
    fc.assert(
      fc.property(mutate(greeting), mutate(serverInfo), (first, second) => {
        const login = new Login(client, {}, undefined);
        try {
          login.takeServerKey(first, 0, first.length);
          login.takeServerInfo(second);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
