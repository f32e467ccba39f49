/** How many connections a relay keeps open. Clients come through a balancer, which can say that they are anywhere. */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { describe, expect, it } from 'vitest';
import { defaultRelayConfig } from '../../../src/relay/config.ts';
import { defaults } from '../../../src/relay/defaults.ts';
import { withSpareFiles } from '../../../src/relay/limits/connection-limits.ts';
import { openFilesLimit } from '../../../src/system/open-files.ts';
import { proxyV1 } from '../support/proxy-header.ts';
import { logIn, proveKey, RawClient } from '../support/raw-client.ts';
import { startTestRelay, type TestRelay } from '../support/test-relay.ts';

const REQUEST = 'GET /derp HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n';
const NO_LIMITS = { total: null, perAddress: null, waitingPerAddress: null };
const behindBalancer = (limits: Partial<typeof defaultRelayConfig.connectionLimits>) => ({
  certificate: null,
  proxyProtocolFrom: ['127.0.0.1'],
  connectionLimits: { ...NO_LIMITS, ...limits },
});

/** A connection that says it is for `address`, and nothing else. */
async function silent(server: TestRelay, address: string): Promise<RawClient> {
  const client = new RawClient(connectTcp({ port: server.port, host: '127.0.0.1', noDelay: true }));
  await once(client.socket, 'connect');
  client.write(proxyV1(address, 5000));
  return client;
}

/** Logs in from `address`. */
async function member(server: TestRelay, address: string): Promise<RawClient> {
  const client = await silent(server, address);
  client.expectHead();
  client.write(REQUEST);
  await proveKey(client);
  return client;
}

const refused = (server: TestRelay, limit: string) => server.count('connections_over_limit', limit);

describe('the limit of connections', () => {
  it('without a login from one address is not met by those who log in, nor by others', async () => {
    await using server = await startTestRelay(behindBalancer({ waitingPerAddress: 2 }));
    await using first = await member(server, '192.0.2.1');
    await using second = await member(server, '192.0.2.1');
    await using scanner = await silent(server, '192.0.2.1');
    await using other = await silent(server, '192.0.2.1');
    await using third = await silent(server, '192.0.2.1');
    await third.untilClosed();
    expect(refused(server, 'waiting')).toBe(1);
    await using neighbour = await member(server, '192.0.2.2');

    // A scanner that leaves makes room.
    await scanner[Symbol.asyncDispose]();
    await using again = await member(server, '192.0.2.1');
    for (const client of [first, second, neighbour, again]) await client.settled();
    expect(other.closed).toBe(false);
  });

  it('from one address counts those who are in, and forgets those who left', async () => {
    await using server = await startTestRelay(behindBalancer({ perAddress: 2 }));
    await using first = await member(server, '2001:db8::1');
    {
      await using _second = await member(server, '2001:db8::2');
      await using third = await silent(server, '2001:db8::3');
      await third.untilClosed();
      expect(refused(server, 'address')).toBe(1);
      await using neighbour = await member(server, '2001:db8:0:1::1');
      await neighbour.settled();
    }
    await expect.poll(() => server.count('clients')).toBe(1);
    await using again = await member(server, '2001:db8::4');
    await again.settled();
    await first.settled();
  });

  it('in all leaves those who are in alone', async () => {
    await using server = await startTestRelay({ connectionLimits: { ...NO_LIMITS, total: 2 } });
    await using first = await logIn(server.port);
    await using second = await logIn(server.port);
    const over = new RawClient(connectTcp({ port: server.port, host: '127.0.0.1' }));
    await over.untilClosed();
    expect(refused(server, 'total')).toBe(1);
    expect(server.relay.snapshot().noise).toMatchObject({ too_many_connections: 1 });
    await Promise.all([first.settled(), second.settled()]);
  });

  it('is one that people behind one address do not meet when a relay restarts', async () => {
    const { waitingPerAddress } = defaultRelayConfig.connectionLimits;
    await using server = await startTestRelay(behindBalancer({ waitingPerAddress }));
    const clients = await Promise.all(Array.from({ length: 150 }, () => member(server, '192.0.2.1')));
    expect(server.count('clients')).toBe(150);
    for (const client of clients) client.socket.destroy();
  });
});

describe('withSpareFiles', () => {
  it.runIf(process.platform === 'linux')('keeps some files free', async () => {
    const files = (await openFilesLimit(process.pid))!;
    const most = files - defaults.spareFiles;
    expect((await withSpareFiles(NO_LIMITS)).total).toBe(most);
    expect((await withSpareFiles({ ...NO_LIMITS, total: 7 })).total).toBe(7);
    expect((await withSpareFiles({ ...NO_LIMITS, total: files })).total).toBe(most);
  });
});
