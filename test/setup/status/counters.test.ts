import { describe, expect, it } from 'vitest';
import { parseStatus, readRelayStatus } from '../../../src/setup/relay-status.ts';
import { type RelayCounters, readCounters, trafficBetween } from '../../../src/setup/status/counters.ts';
import { startTestRelay } from '../../relay/support/test-relay.ts';

/** The counters of a relay that has said so much, and nothing else. */
const counters = (more: object): RelayCounters =>
  readCounters(parseStatus(JSON.stringify({ version: '1.0.0', public_key: 'aa', ...more }))!);

describe('the counters of a relay', () => {
  it('are those that a running one shows to its own machine', async () => {
    await using test = await startTestRelay();
    const status = await readRelayStatus(test.port);
    const read = readCounters(status!);
    expect(read.publicKey).toBe(test.relay.publicKey.toString('hex'));
    expect(read).toMatchObject({
      version: '0.0.0-test',
      clients: 0,
      logins: { fastStart: 0, upgrade: 0, websocket: 0, refused: 0 },
      drops: {},
      admission: [],
      internalErrors: 0,
    });
    expect(read.rssBytes).toBeGreaterThan(1_000_000);
  });

  it('are asked for in plain HTTP where TLS ends before it', async () => {
    await using test = await startTestRelay({ certificate: null, forwardedFrom: ['127.0.0.2'] });
    expect(await readRelayStatus(test.port, undefined, { tls: false })).toMatchObject({ clients: 0 });
    expect(await readRelayStatus(test.port)).toBeUndefined();
  });

  it('say who may reach it, how fast a client may send, and when it stood still', async () => {
    const allowCidr = { ranges: ['127.0.0.0/8', '192.0.2.0/24'], files: [] };
    await using test = await startTestRelay({ allowCidr, clientRate: { bytesPerSecond: 5_000_000, burstBytes: 0 } });
    const read = readCounters((await readRelayStatus(test.port))!);
    expect(read).toMatchObject({
      addressLists: { allow: 2, deny: null },
      addressesRefused: 0,
      addressRemovals: 0,
      clientRate: 5_000_000,
      stalls: { total: expect.any(Number), lastHour: { stalls: read.stalls.total } },
    });
    // An older relay does not say.
    expect(counters({})).toMatchObject({ addressLists: undefined, clientRate: 0, stalls: { lastHour: { stalls: 0 } } });
    expect(counters({ addresses_refused: 3, stun: { refused: 4 }, address_lists: { deny: 7 } })).toMatchObject({
      addressesRefused: 7,
      addressLists: { allow: null, deny: 7 },
    });
  });

  it('are zero where a relay does not count them, or says something else', () => {
    const read = counters({ clients: 'many', logins: null, packets_dropped: { disco: 3, other: { queue_head: 'x' } } });
    expect(read).toMatchObject({ clients: 0, bytesSent: 0, drops: {}, admission: undefined, rssBytes: 0 });
    expect(read.logins).toEqual({ fastStart: 0, upgrade: 0, websocket: 0, refused: 0 });
  });

  it('sum up drops of both kinds, by reason', () => {
    const dropped = { disco: { queue_head: 2, gone_disconnected: 0 }, other: { queue_head: 3, unknown_dest: 1 } };
    expect(counters({ packets_dropped: dropped }).drops).toEqual({ queue_head: 5, unknown_dest: 1 });
  });
});

describe('the traffic between two samples', () => {
  const sample = (at: number, bytes: number, key = 'aa') => ({
    at,
    counters: counters({ bytes_received: bytes, bytes_sent: 2 * bytes, public_key: key }),
  });

  it('is what went through, a second', () => {
    expect(trafficBetween(sample(0, 1000), sample(2000, 5000))).toEqual({
      bytesReceived: 2000,
      bytesSent: 4000,
      packetsReceived: 0,
    });
  });

  it.each([
    ['there is no first one', undefined, sample(2000, 1)],
    ['the relay was not there', { at: 0, counters: undefined }, sample(2000, 1)],
    ['it has started anew', sample(0, 5000), sample(2000, 10)],
    ['it is another one', sample(0, 10), sample(2000, 5000, 'bb')],
    ['no time has passed', sample(5, 10), sample(5, 20)],
  ])('is not known when %s', (_, before, now) => {
    expect(trafficBetween(before, now)).toBeUndefined();
  });
});
