/** Whose a request is that an HTTP proxy hands on: by its headers, and by nothing that the client has said itself. */
import { describe, expect, it } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { connectDerp } from '../../../src/client/connect.ts';
import type { RelayConfig } from '../../../src/relay/config.ts';
import { ForwardedClients } from '../../../src/relay/front/forwarded.ts';
import { ask } from '../support/http.ts';
import { dial, logIn, proveKey, RawClient } from '../support/raw-client.ts';
import { startTestRelay, type TestRelay } from '../support/test-relay.ts';

describe('the client that a proxy names', () => {
  const clients = new ForwardedClients(['127.0.0.2', '10.0.0.0/8', '2001:db8:1::/48']);
  const chain = (text: string) => clients.clientIn({ 'x-forwarded-for': text });

  it.each([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7 ', '203.0.113.7'],
    ['203.0.113.7:5555', '203.0.113.7'],
    ['2001:DB8::7', '2001:db8::7'],
    ['[2001:db8::7]:5555', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    // What comes before the last stranger, that stranger may have written.
    ['198.51.100.9, 203.0.113.7', '203.0.113.7'],
    ['127.0.0.1, 203.0.113.7', '203.0.113.7'],
    ['nonsense, 203.0.113.7', '203.0.113.7'],
    ['203.0.113.7, 10.0.0.9', '203.0.113.7'],
    ['127.0.0.1, 203.0.113.7, 10.0.0.9, 2001:db8:1::9', '203.0.113.7'],
    ['10.0.0.8, 10.0.0.9', '10.0.0.8'],
  ])('in %j is %s', (text, address) => {
    expect(chain(text)).toBe(address);
  });

  it.each([
    '',
    ' ',
    'unknown',
    'localhost',
    '203.0.113.7,',
    '203.0.113',
    '203.0.113.7, x',
    '[::1',
    '1.2.3.4:x',
    '1.2.3.4 5.6.7.8',
  ])('is nobody in %j', (text) => {
    expect(chain(text)).toBeUndefined();
  });

  it('is nobody where nothing is said, or far too much', () => {
    expect(clients.clientIn({})).toBeUndefined();
    expect(chain(`${'203.0.113.7, '.repeat(100)}203.0.113.7`)).toBeUndefined();
  });

  it('may be named by itself', () => {
    expect(clients.clientIn({ 'x-real-ip': '203.0.113.7' })).toBe('203.0.113.7');
    expect(clients.clientIn({ 'x-real-ip': '203.0.113.7, 203.0.113.8' })).toBeUndefined();
    expect(clients.clientIn({ 'x-real-ip': 'x', 'x-forwarded-for': '203.0.113.7' })).toBeUndefined();
  });

  it('is nobody where the two disagree: one of them is the client’s own', () => {
    const both = (real: string, forwarded: string) =>
      clients.clientIn({ 'x-real-ip': real, 'x-forwarded-for': forwarded });
    expect(both('203.0.113.7', '198.51.100.9, 203.0.113.7')).toBe('203.0.113.7');
    expect(both('203.0.113.7', '127.0.0.1')).toBeUndefined();
    expect(both('127.0.0.1', '203.0.113.7')).toBeUndefined();
    // The last proxy has named the one before it.
    expect(both('10.0.0.9', '203.0.113.7, 10.0.0.9')).toBe('203.0.113.7');
  });

  it('is asked of proxies that are named', () => {
    expect(['127.0.0.2', '10.1.2.3', '2001:db8:1::9'].every((address) => clients.trusts(address))).toBe(true);
    expect(['127.0.0.1', '11.0.0.1', '2001:db8:2::9'].some((address) => clients.trusts(address))).toBe(false);
    expect(() => new ForwardedClients(['proxy.example'])).toThrow(RangeError);
  });
});

/** Tests connect from 127.0.0.1, which is the proxy then. */
const start = (config: Partial<RelayConfig> = {}, isOwnAddress = () => false) =>
  startTestRelay({ forwardedFrom: ['127.0.0.1'], certificate: null, ...config }, { isOwnAddress });
const from = (address: string) => `X-Forwarded-For: ${address}\r\n`;
const page = (server: TestRelay, headers: string, path = '/robots.txt') =>
  ask(server.port, `GET ${path}`, { tls: false, headers }).then(({ status }) => status);
const addressesIn = ({ log }: TestRelay) =>
  log.filter(({ event }) => event === 'client_connected').map(({ address }) => address);

describe('a relay behind an HTTP proxy', () => {
  it('knows its clients by what the proxy says, whether they upgrade or come by WebSocket', async () => {
    await using server = await start();
    await using one = await logIn(server.port, { tls: false, headers: from('192.0.2.7') });
    await using two = await logIn(server.port, { tls: false, headers: 'X-Real-IP: 2001:db8::8\r\n' });
    one.sendPacket(two.publicKey, Buffer.from('through the proxy'));
    expect((await two.nextOf(5)).subarray(32).toString()).toBe('through the proxy');
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/derp`, 'derp', {
      headers: { 'X-Forwarded-For': '203.0.113.1, 192.0.2.9' },
    });
    await using three = new RawClient(createWebSocketStream(socket));
    await proveKey(three);
    expect(addressesIn(server)).toEqual(['192.0.2.7', '2001:db8::8', '192.0.2.9']);
  });

  it('refuses requests of nobody, plain ones too', async () => {
    await using server = await start();
    for (const headers of ['', 'X-Forwarded-For: nobody\r\n', `${from('192.0.2.7')}X-Real-IP: 192.0.2.8\r\n`]) {
      await using client = await dial(server.port, false);
      client.expectHead();
      client.write(`GET /derp HTTP/1.1\r\nHost: a\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n${headers}\r\n`);
      await client.untilClosed();
      expect(client.head).toMatch(/^HTTP\/1\.1 400 /);
      expect(await page(server, headers)).toBe(400);
    }
    expect(server.count('noise', 'bad_forwarded_header')).toBe(6);
    expect(server.count('clients')).toBe(0);
  });

  it('shows its counters to nobody who comes by the proxy, whatever is said of them', async () => {
    await using server = await start();
    for (const headers of ['', from('127.0.0.1'), from('100.64.0.9'), 'X-Real-IP: 127.0.0.1\r\n']) {
      expect(await page(server, headers, '/debug/vars')).toBeGreaterThanOrEqual(400);
    }
    await using direct = await startTestRelay({ forwardedFrom: ['127.0.0.2'], certificate: null });
    expect(await page(direct, '', '/debug/vars')).toBe(200);
  });

  it('believes nobody but the proxy', async () => {
    await using server = await startTestRelay({ forwardedFrom: ['127.0.0.2'], certificate: null });
    await using client = await logIn(server.port, { tls: false, headers: from('192.0.2.7') });
    await client.settled();
    expect(addressesIn(server)).toEqual(['127.0.0.1']);
  });

  it('goes by the clients’ addresses in its lists', async () => {
    await using server = await start({ allowCidr: { ranges: ['192.0.2.0/24'], files: [] } });
    expect(await page(server, from('192.0.2.7'))).toBe(200);
    expect(await page(server, from('198.51.100.7'))).toBe(403);
    // A stranger's own word before the proxy's.
    expect(await page(server, from('192.0.2.7, 198.51.100.7'))).toBe(403);
    await using client = await dial(server.port, false);
    client.expectHead();
    client.write(
      `GET /derp HTTP/1.1\r\nHost: a\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n${from('198.51.100.7')}\r\n`,
    );
    await client.untilClosed();
    expect(client.head).toMatch(/^HTTP\/1\.1 403 /);
    expect(server.count('addresses_refused')).toBe(3);
    await using good = await logIn(server.port, { tls: false, headers: from('192.0.2.7') });
    await good.settled();
  });

  it('counts connections by their clients, and gives them back', async () => {
    const connectionLimits = { total: null, perAddress: 1, waitingPerAddress: null };
    await using server = await start({ connectionLimits });
    const second = async () => {
      await using client = await dial(server.port, false);
      client.expectHead();
      client.write(`GET /derp HTTP/1.1\r\nHost: a\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n${from('192.0.2.7')}\r\n`);
      await proveKey(client);
      await client.settled();
    };
    {
      await using first = await logIn(server.port, { tls: false, headers: from('192.0.2.7') });
      await using other = await logIn(server.port, { tls: false, headers: from('192.0.2.8') });
      await Promise.all([first.settled(), other.settled()]);
      await expect(second()).rejects.toThrow();
      expect(server.count('connections_over_limit', 'address')).toBe(1);
    }
    await expect.poll(() => server.count('clients')).toBe(0);
    await second();
  });

  it('has one client of a proxy that keeps its connections by each request', async () => {
    await using server = await start({ allowCidr: { ranges: ['192.0.2.0/24'], files: [] } });
    await using client = await dial(server.port, false);
    const answers: string[] = [];
    client.socket.on('data', (chunk: Buffer) => {
      for (const [, status] of chunk.toString('latin1').matchAll(/HTTP\/1\.1 (\d+)/g)) answers.push(status!);
    });
    const get = (address: string) => client.write(`GET /robots.txt HTTP/1.1\r\nHost: a\r\n${from(address)}\r\n`);
    get('192.0.2.7');
    await expect.poll(() => answers).toEqual(['200']);
    get('198.51.100.7');
    await expect.poll(() => answers).toEqual(['200', '403']);
  });
});

describe('behind TLS of its own', () => {
  it('works as well: the proxy may come by HTTPS', async () => {
    await using server = await startTestRelay({ forwardedFrom: ['127.0.0.1'] });
    await using client = await logIn(server.port, { headers: from('192.0.2.7') });
    await client.settled();
    expect(addressesIn(server)).toEqual(['192.0.2.7']);
    // Our own client says nothing of itself, as it is none of the proxy's.
    const failure = await connectDerp({ host: '127.0.0.1', port: server.port, trust: { kind: 'none' } }).catch(
      (error) => error,
    );
    expect(failure).toBeInstanceOf(Error);
  });
});
