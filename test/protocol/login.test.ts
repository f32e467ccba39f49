import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../src/protocol/errors.ts';
import {
  encodeClientInfoJson,
  encodeServerInfoJson,
  parseClientInfoJson,
  parseServerInfoJson,
  readServerKey,
} from '../../src/protocol/login.ts';

describe('ClientInfo', () => {
  it('round-trips', () => {
    const info = { version: 2, meshKey: 'ab'.repeat(32), canAckPings: true, isProber: true, appName: 'test' };
    expect(parseClientInfoJson(encodeClientInfoJson(info))).toEqual(info);
    expect(parseClientInfoJson(encodeClientInfoJson({}))).toEqual({ version: 2, canAckPings: false, isProber: false });
  });

  it('is written with the names the relay of others expects', () => {
    expect(JSON.parse(encodeClientInfoJson({ meshKey: 'aa', canAckPings: true, appName: 'x' }).toString())).toEqual({
      meshKey: 'aa',
      version: 2,
      CanAckPings: true,
      IsProber: false,
      AppName: 'x',
    });
  });

  it('is read whatever the case of its names, with fields that are not known', () => {
    const json = Buffer.from('{"Version":2,"canackpings":true,"MeshKey":"","Future":{"a":[1]}}');
    expect(parseClientInfoJson(json)).toEqual({ version: 2, canAckPings: true, isProber: false });
  });

  it.each(['', 'null', '[]', '3', '{', '{"version":"2"}', '{"CanAckPings":1}', '{"meshKey":{}}'])(
    'refuses %s',
    (text) => {
      expect(() => parseClientInfoJson(Buffer.from(text))).toThrow(ProtocolError);
    },
  );

  it('throws nothing but ProtocolError for any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          parseClientInfoJson(Buffer.from(text));
          parseServerInfoJson(Buffer.from(text));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});

describe('ServerInfo', () => {
  it('round-trips, with and without a rate', () => {
    const limited = { version: 2, tokenBucketBytesPerSecond: 1000, tokenBucketBytesBurst: 70_000 };
    expect(parseServerInfoJson(encodeServerInfoJson(limited))).toEqual(limited);
    expect(encodeServerInfoJson({ version: 2 }).toString()).toBe('{"version":2}');
  });
});

describe('readServerKey', () => {
  const magic = Buffer.from('44455250f09f9491', 'hex');
  const key = Buffer.alloc(32, 5);

  it('gives the key, and ignores future bytes', () => {
    expect(readServerKey(Buffer.concat([magic, key, Buffer.from('later')]))).toEqual(key);
  });

  it('refuses a short payload and another magic', () => {
    expect(() => readServerKey(Buffer.concat([magic, key.subarray(1)]))).toThrow(ProtocolError);
    expect(() => readServerKey(Buffer.concat([Buffer.alloc(8), key]))).toThrow(/magic/);
  });
});
