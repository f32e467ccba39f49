import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DerpClientError } from '../../src/client/errors.ts';
import { authorityOf, encodeUpgradeRequest, readUpgradeAnswer } from '../../src/client/http-upgrade.ts';

const key = 'ab'.repeat(32);
const switching = Buffer.from(
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: 2\r\nDerp-Public-Key: ${key}\r\n\r\n`,
);

describe('authorityOf', () => {
  it.each([
    ['relay.example', 443, true, 'relay.example'],
    ['relay.example', 8443, true, 'relay.example:8443'],
    ['relay.example', 80, true, 'relay.example:80'],
    ['relay.example', 80, false, 'relay.example'],
    ['2001:db8::1', 443, true, '[2001:db8::1]'],
    ['2001:db8::1', 8443, true, '[2001:db8::1]:8443'],
  ])('writes %s port %i (TLS: %s) as %s', (host, port, tls, expected) => {
    expect(authorityOf(host, port, tls)).toBe(expected);
  });
});

describe('encodeUpgradeRequest', () => {
  const request = { host: 'relay.example', port: 443, tls: true, fastStart: false };

  it('asks for the upgrade', () => {
    expect(encodeUpgradeRequest(request).toString()).toBe(
      'GET /derp HTTP/1.1\r\nHost: relay.example\r\nUser-Agent: derp-setup\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n',
    );
  });

  it('says fast start and the ideal node when told to', () => {
    const text = encodeUpgradeRequest({ ...request, fastStart: true, idealNode: '900b' }).toString();
    expect(text).toContain('\r\nDerp-Fast-Start: 1\r\nIdeal-Node: 900b\r\n\r\n');
  });
});

describe('readUpgradeAnswer', () => {
  it('reads a relay’s answer, and leaves what comes after it', () => {
    const bytes = Buffer.concat([switching, Buffer.from('DERP begins')]);
    expect(readUpgradeAnswer(bytes)).toEqual({ length: switching.length, relayKey: Buffer.from(key, 'hex') });
  });

  it('takes an answer without a key, or with one that is none', () => {
    for (const line of ['', 'Derp-Public-Key: xyz\r\n']) {
      const answer = readUpgradeAnswer(Buffer.from(`HTTP/1.1 101 Switching Protocols\r\n${line}\r\n`));
      expect(answer?.relayKey).toBeUndefined();
      expect(answer).toBeDefined();
    }
  });

  it('waits while the head goes on', () => {
    for (let cut = 0; cut < switching.length; cut++) {
      expect(readUpgradeAnswer(switching.subarray(0, cut)), `after ${cut} bytes`).toBeUndefined();
    }
  });

  it('tells who refused the upgrade, without control characters', () => {
    const text = 'HTTP/1.1 302 Found\r\nSERVER: nginx\x1b[2J\r\nLocation: https://else.example/\r\n\r\nbody';
    expect(() => readUpgradeAnswer(Buffer.from(text))).toThrow(
      expect.objectContaining({
        code: 'http',
        http: { status: 302, server: 'nginx?[2J', location: 'https://else.example/' },
      }),
    );
  });

  it.each([
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['one wrong byte', 'X'],
    ['an impossible status', 'HTTP/1.1 1O1 Switching\r\n\r\n'],
    ['HTTP/2', 'HTTP/2 101\r\n\r\n'],
    ['a head without an end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(16_384)}`],
  ])('refuses %s', (_name, text) => {
    expect(() => readUpgradeAnswer(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'http' }));
  });

  it('throws nothing but DerpClientError', () => {
    const flips = fc.array(fc.tuple(fc.nat(switching.length - 1), fc.nat(255)), { maxLength: 4 });
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(flips, (changes) => {
        const bytes = Buffer.from(switching);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          outcomes.add(readUpgradeAnswer(bytes) ? 'answer' : 'incomplete');
        } catch (error) {
          outcomes.add('error');
          expect(error).toBeInstanceOf(DerpClientError);
        }
      }),
      { numRuns: 1000 },
    );
    expect([...outcomes].sort()).toEqual(['answer', 'error', 'incomplete']);
  });
});
