import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { readMetaCertificate } from '../../src/protocol/meta-certificate.ts';
import { RelayStartError } from '../../src/relay/start-error.ts';
import { GoodPair } from './support/good-pair.ts';
import { ask } from './support/http.ts';
import { freePort, takePort, takeUdpPort } from './support/ports.ts';
import { dial, RawClient } from './support/raw-client.ts';
import { startTestRelay, type TestRelay } from './support/test-relay.ts';
import { certificatesOnTheWire } from './support/wire.ts';

const DAY = 86_400_000;

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Puts another pair in the place of the relay's; returns the leaf, DER. */
async function writePair(server: TestRelay, certPem?: string): Promise<Buffer> {
  const { certFile, keyFile } = server.config.certificate!;
  const pair = await makeSelfSignedCertificate('127.0.0.1');
  await writeFile(certFile, certPem ?? pair.certPem);
  await writeFile(keyFile, pair.keyPem);
  return new X509Certificate(pair.certPem).raw;
}

/** The relay reads files when it is asked to, not by itself. */
const onlyWhenAsked = { watch: { settle: DAY, settleAtMost: DAY, poll: DAY } };

describe('reloading', () => {
  it('serves the new certificate to new connections, while those that are open go on', async () => {
    await using server = await startTestRelay({}, onlyWhenAsked);
    await using pair = await GoodPair.start(server.port);
    const before = await certificatesOnTheWire(server.port);
    const leaf = await writePair(server);
    expect(await certificatesOnTheWire(server.port)).toEqual(before);
    await server.relay.reload();
    const after = await certificatesOnTheWire(server.port);
    expect(after).toHaveLength(2);
    expect(after[0]!.equals(leaf)).toBe(true);
    expect(readMetaCertificate(after[1]!)?.publicKey.equals(server.relay.publicKey)).toBe(true);
    await delay(100);
    const { sent, received } = await pair.finish();
    expect(sent[0]).toBeGreaterThan(10);
    expect(received).toEqual(sent.map((count) => Array.from({ length: count }, (_, i) => i)));
    expect(server.count('clients')).toBe(2);
    expect(server.log.filter(({ event }) => event === 'certificate_reloaded')).toHaveLength(1);
  });

  it('refuses a pair that does not fit, and stays with the old one', async () => {
    await using server = await startTestRelay({}, onlyWhenAsked);
    const [leaf] = await certificatesOnTheWire(server.port);
    const other = await makeSelfSignedCertificate('127.0.0.1');
    await writePair(server, other.certPem);
    await expect(server.relay.reload()).rejects.toMatchObject({ name: 'RelayStartError', code: 'bad-certificate' });
    expect((await certificatesOnTheWire(server.port))[0]!.equals(leaf!)).toBe(true);
    await writePair(server, `${other.certPem}${other.certPem.slice(0, 200)}`);
    await expect(server.relay.reload()).rejects.toBeInstanceOf(RelayStartError);
    expect((await certificatesOnTheWire(server.port))[0]!.equals(leaf!)).toBe(true);
    const problems = server.log.filter(({ event }) => event === 'certificate_not_reloaded');
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatchObject({ level: 'error', problem: expect.stringContaining('is not the key of') });

    const mended = await writePair(server);
    await server.relay.reload();
    expect((await certificatesOnTheWire(server.port))[0]!.equals(mended)).toBe(true);
  });

  it('happens by itself before the meta certificate expires', async () => {
    const intervals = vi.spyOn(globalThis, 'setInterval');
    vi.useFakeTimers({ toFake: ['Date'] });
    await using server = await startTestRelay();
    const [leaf, meta] = await certificatesOnTheWire(server.port);
    const hourly = intervals.mock.calls.filter(([, interval]) => interval === 3_600_000);
    expect(hourly).toHaveLength(1);
    const anHourlyLookAfter = async (days: number) => {
      vi.setSystemTime(Date.now() + days * DAY);
      (hourly[0]![0] as () => void)();
      await delay(100);
    };
    const renewals = () => server.log.filter(({ event }) => event === 'meta_certificate_renewed').length;
    await anHourlyLookAfter(22);
    expect(renewals()).toBe(0);
    expect((await certificatesOnTheWire(server.port))[1]!.equals(meta!)).toBe(true);
    await anHourlyLookAfter(2);
    expect(renewals()).toBe(1);
    const [sameLeaf, renewed] = await certificatesOnTheWire(server.port);
    expect(sameLeaf!.equals(leaf!)).toBe(true);
    expect(renewed!.equals(meta!)).toBe(false);
    const { validTo } = new X509Certificate(renewed!);
    expect(Date.parse(validTo) - Date.now()).toBeGreaterThan(25 * DAY);
  });
});

describe('a port that is taken', () => {
  const listening = (port: number) =>
    new Promise((resolve) => {
      const attempt = connectTcp({ port, host: '127.0.0.1' });
      attempt.once('connect', () => resolve(attempt.destroy() && true));
      attempt.once('error', () => resolve(false));
    });

  it.each(['derp', 'http', 'stun'] as const)('for %s is named, and everything else closed again', async (which) => {
    await using taken = which === 'stun' ? await takeUdpPort() : await takePort();
    const port = { derp: await freePort(), http: await freePort(), stun: -1, [which]: taken.port };
    const problem: unknown = await startTestRelay({
      listen: { host: '127.0.0.1', port: port.derp },
      httpPort: port.http,
      stunPort: port.stun,
    }).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(RelayStartError);
    const protocol = which === 'stun' ? 'udp' : 'tcp';
    expect(problem).toMatchObject({ code: 'listen', port: taken.port, protocol, errno: 'EADDRINUSE' });
    expect((problem as Error).message).toBe(
      `cannot listen on ${taken.port}/${protocol}: it is in use by another process`,
    );
    for (const other of ['derp', 'http'] as const) expect(await listening(port[other])).toBe(other === which);
  });

  it('or an address that this machine does not have', async () => {
    const start = startTestRelay({ listen: { host: '192.0.2.1', port: 0 } });
    await expect(start).rejects.toMatchObject({ code: 'listen', errno: 'EADDRNOTAVAIL', protocol: 'tcp' });
    await expect(start).rejects.toThrow(/does not have the address 192\.0\.2\.1/);
  });
});

describe('the accept limit', () => {
  it('closes what is over it at once, and counts it', async () => {
    await using server = await startTestRelay({ acceptLimit: { perSecond: 0.001, burst: 3 } });
    const clients = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const client = new RawClient(connectTcp({ port: server.port, host: '127.0.0.1' }));
        await once(client.socket, 'connect');
        return client;
      }),
    );
    await expect.poll(() => clients.filter((client) => client.closed).length).toBe(7);
    expect(server.count('accepts')).toBe(10);
    expect(server.count('accepts_over_limit')).toBe(7);
    await delay(50);
    expect(clients.filter((client) => client.closed)).toHaveLength(7);
    for (const client of clients) await client[Symbol.asyncDispose]();
  });
});

describe('listening on every address', () => {
  it('serves IPv4 and says so without the IPv6 around it', async () => {
    await using server = await startTestRelay({ listen: { host: null, port: 0 }, httpPort: 0, stunPort: 0 });
    expect((await ask(server.port, 'GET /debug/vars')).status).toBe(200);
    await using _pair = await GoodPair.start(server.port);
    expect(server.log.find(({ event }) => event === 'client_connected')).toMatchObject({ address: '127.0.0.1' });
    const { derp, http, stun } = server.relay.ports;
    expect(server.log.find(({ event }) => event === 'listening')).toMatchObject({ host: '*', derp, http, stun });
    expect(new Set([derp, http, stun]).size).toBe(3);
  });
});

describe('connections that are not clients yet', () => {
  it('are closed when the relay stops', async () => {
    const server = await startTestRelay();
    const tcp = new RawClient(connectTcp({ port: server.port, host: '127.0.0.1' }));
    await once(tcp.socket, 'connect');
    const tls = await dial(server.port);
    const webSocket = new WebSocket(`wss://127.0.0.1:${server.port}/derp`, 'derp', { rejectUnauthorized: false });
    const gone = once(webSocket, 'close');
    await once(webSocket, 'open');
    const started = Date.now();
    await server[Symbol.asyncDispose]();
    expect(Date.now() - started).toBeLessThan(500);
    await Promise.all([tcp.untilClosed(), tls.untilClosed(), gone]);
  });
});
