import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { makeSelfSignedCertificate, type SelfSignedCertificate } from '../../src/cert/self-signed.ts';
import type { RelayParts } from '../../src/relay/relay.ts';
import { GoodPair } from './support/good-pair.ts';
import { startTestRelay, type TestRelay } from './support/test-relay.ts';
import { certificatesOnTheWire } from './support/wire.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const HOST = '127.0.0.1';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Changes are noticed soon; nothing is looked for at intervals. */
const soon: RelayParts = { watch: { settle: 100, settleAtMost: 2000, poll: DAY } };
/** Nothing happens by itself. */
const never: RelayParts = { watch: { settle: HOUR, settleAtMost: HOUR, poll: DAY } };

/** Writes one file as derp-setup does: under another name first. */
function put(path: string, content: string): void {
  writeFileSync(`${path}.tmp`, content);
  renameSync(`${path}.tmp`, path);
}

function putPair({ config }: TestRelay, { certPem, keyPem }: Pick<SelfSignedCertificate, 'certPem' | 'keyPem'>): void {
  put(config.certificate!.keyFile, keyPem);
  put(config.certificate!.certFile, certPem);
}

const sha256 = ({ pin }: SelfSignedCertificate) => pin.replace('sha256-raw:', '');
const facts = (server: TestRelay) => server.relay.snapshot().certificate as Record<string, string | null>;
const servedOnTheWire = async (server: TestRelay) =>
  new X509Certificate((await certificatesOnTheWire(server.port))[0]!).fingerprint256.replaceAll(':', '').toLowerCase();
const events = (server: TestRelay, name: string) => server.log.filter(({ event }) => event === name);
/** Waits for so many lines in the log. */
const lines = (server: TestRelay, name: string, count: number) =>
  expect.poll(() => events(server, name).length, { timeout: 15_000 }).toBe(count);

/** Has the relay look at its dates, as it does every hour. */
function hourly(): () => void {
  const found = vi.mocked(setInterval).mock.calls.filter(([, interval]) => interval === HOUR);
  return () => {
    for (const [look] of found) (look as () => void)();
  };
}

describe('files that change', () => {
  it('are served without anybody asking, and clients that are in notice nothing', async () => {
    await using server = await startTestRelay({}, soon);
    await using pair = await GoodPair.start(server.port);
    let last = '';
    for (let i = 1; i <= 3; i++) {
      const next = await makeSelfSignedCertificate(HOST);
      putPair(server, next);
      await lines(server, 'certificate_reloaded', i);
      last = sha256(next);
      expect(await servedOnTheWire(server)).toBe(last);
    }
    const { sent, received } = await pair.finish();
    expect(sent[0]).toBeGreaterThan(20);
    expect(received).toEqual(sent.map((count) => Array.from({ length: count }, (_, i) => i)));
    expect(server.count('clients')).toBe(2);
    expect(facts(server)).toMatchObject({ sha256: last, refused: null });
    expect(events(server, 'certificate_reloaded').at(-1)).toMatchObject({ level: 'info', changed: true, sha256: last });
    expect(events(server, 'certificate_not_reloaded')).toEqual([]);
  });

  it('are found by looking where the system does not tell of them', async () => {
    await using server = await startTestRelay({}, { watch: { settle: HOUR, settleAtMost: HOUR, poll: 50 } });
    const next = await makeSelfSignedCertificate(HOST);
    putPair(server, next);
    await expect.poll(() => facts(server).sha256, { timeout: 15_000 }).toBe(sha256(next));
    expect(await servedOnTheWire(server)).toBe(sha256(next));
  });

  it('into what was there before are no news', async () => {
    await using server = await startTestRelay({}, soon);
    const { certFile, keyFile } = server.config.certificate!;
    const next = await makeSelfSignedCertificate(HOST);
    putPair(server, next);
    await lines(server, 'certificate_reloaded', 1);
    const [, meta] = await certificatesOnTheWire(server.port);
    for (const [path, text] of [
      [certFile, next.certPem],
      [keyFile, next.keyPem],
    ] as const) {
      put(path, text);
    }
    await server.relay.reload();
    // Who asks is told; who only touched the files is not.
    expect(events(server, 'certificate_reloaded')).toHaveLength(2);
    expect(events(server, 'certificate_reloaded')[1]).toMatchObject({ changed: false, sha256: sha256(next) });
    expect((await certificatesOnTheWire(server.port))[1]!.equals(meta!)).toBe(true);
  });

  it.each<[string, (server: TestRelay, next: SelfSignedCertificate) => void, RegExp]>([
    ['half written', ({ config }, { certPem }) => put(config.certificate!.certFile, certPem.slice(0, 300)), /no whole/],
    ['of two pairs', ({ config }, { certPem }) => put(config.certificate!.certFile, certPem), /is not the key of/],
    [
      'of two pairs, the other way round',
      ({ config }, { keyPem }) => put(config.certificate!.keyFile, keyPem),
      /is not/,
    ],
    ['gone', ({ config }) => rmSync(config.certificate!.keyFile), /no such file/],
    ['empty', ({ config }) => writeFileSync(config.certificate!.certFile, ''), /no whole certificate/],
  ])('but are %s are refused once, and taken as soon as they are right', async (_, spoil, problem) => {
    await using server = await startTestRelay({}, soon);
    await using pair = await GoodPair.start(server.port);
    const before = await servedOnTheWire(server);
    const next = await makeSelfSignedCertificate(HOST);
    spoil(server, next);
    await lines(server, 'certificate_not_reloaded', 1);
    expect(events(server, 'certificate_not_reloaded')[0]).toMatchObject({
      level: 'error',
      problem: expect.stringMatching(problem),
      serving: before,
    });
    expect(await servedOnTheWire(server)).toBe(before);
    expect(facts(server)).toMatchObject({ sha256: before, refused: expect.stringMatching(problem) });
    putPair(server, next);
    await lines(server, 'certificate_reloaded', 1);
    expect(await servedOnTheWire(server)).toBe(sha256(next));
    expect(facts(server).refused).toBeNull();
    const { sent, received } = await pair.finish();
    expect(received).toEqual(sent.map((count) => Array.from({ length: count }, (_, i) => i)));
  });
});

describe('a certificate that clients would refuse', () => {
  const replace = async (server: TestRelay, next: SelfSignedCertificate) => {
    putPair(server, next);
    return server.relay.reload().then(
      () => 'taken',
      (error: Error) => error.message,
    );
  };
  const madeFor = (days: number, host = HOST) => makeSelfSignedCertificate(host, new Date(Date.now() + days * DAY));

  it('because it has expired does not replace a valid one', async () => {
    await using server = await startTestRelay({}, never);
    const before = await servedOnTheWire(server);
    expect(await replace(server, await madeFor(-366))).toMatch(/no longer valid since .*; the one in use, .* stays$/);
    expect(await servedOnTheWire(server)).toBe(before);
    expect(facts(server).refused).toMatch(/no longer valid/);
  });

  it('because it is not valid yet waits until it is', async () => {
    vi.spyOn(globalThis, 'setInterval');
    vi.useFakeTimers({ toFake: ['Date'] });
    await using server = await startTestRelay({}, never);
    const look = hourly();
    const early = await madeFor(3);
    expect(await replace(server, early)).toMatch(/is not valid before .*; the one in use, .* stays till then/);
    look();
    await lines(server, 'certificate_not_reloaded', 2);
    vi.setSystemTime(Date.now() + 2 * DAY + HOUR);
    look();
    await lines(server, 'certificate_reloaded', 1);
    expect(await servedOnTheWire(server)).toBe(sha256(early));
  });

  it('because it is for another host does not replace one that is for this', async () => {
    await using server = await startTestRelay({}, never);
    const before = await servedOnTheWire(server);
    expect(await replace(server, await madeFor(0, 'other.example'))).toMatch(
      /is not for 127\.0\.0\.1, but for DNS:other\.example/,
    );
    expect(await servedOnTheWire(server)).toBe(before);
  });

  it('replaces one that they refuse as well: nothing can be lost, and the files say what is served', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await using server = await startTestRelay({}, never);
    vi.setSystemTime(Date.now() + 400 * DAY);
    const late = await madeFor(-366);
    expect(await replace(server, late)).toBe('taken');
    expect(await servedOnTheWire(server)).toBe(sha256(late));
    expect(events(server, 'certificate_expired')).toHaveLength(1);
  });
});

describe('the end of a certificate', () => {
  it('is warned of every hour, from 72 hours before', async () => {
    vi.spyOn(globalThis, 'setInterval');
    vi.useFakeTimers({ toFake: ['Date'] });
    await using server = await startTestRelay({}, never);
    const look = hourly();
    const end = Date.parse(facts(server).not_after!);
    const at = (hoursLeft: number) => {
      vi.setSystemTime(end - hoursLeft * HOUR);
      const before = server.log.length;
      look();
      return server.log.slice(before).filter(({ event }) => String(event).startsWith('certificate_exp'));
    };
    expect(at(72.5)).toEqual([]);
    const soonGone = { level: 'warn', event: 'certificate_expires_soon', file: server.config.certificate!.certFile };
    expect(at(71.5)).toEqual([expect.objectContaining({ ...soonGone, hours_left: 71 })]);
    expect(at(70.5)).toEqual([expect.objectContaining({ ...soonGone, hours_left: 70 })]);
    expect(at(0.5)).toEqual([expect.objectContaining({ ...soonGone, hours_left: 0 })]);
    expect(at(-1)).toEqual([expect.objectContaining({ level: 'error', event: 'certificate_expired' })]);
    const next = await makeSelfSignedCertificate(HOST);
    putPair(server, next);
    await server.relay.reload();
    expect(at(-1)).toEqual([]);
  });

  it('is told at the start and after a change, not only an hour later', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const started = Date.now();
    await using server = await startTestRelay({}, never);
    expect(events(server, 'certificate_expires_soon')).toEqual([]);
    putPair(server, await makeSelfSignedCertificate(HOST, new Date(started - 363 * DAY)));
    await server.relay.reload();
    expect(events(server, 'certificate_expires_soon')).toHaveLength(1);
    expect(events(server, 'certificate_expires_soon')[0]).toMatchObject({ sha256: facts(server).sha256 });
  });
});

describe('the meta certificate', () => {
  it('is renewed even while the files are unusable', async () => {
    vi.spyOn(globalThis, 'setInterval');
    vi.useFakeTimers({ toFake: ['Date'] });
    await using server = await startTestRelay({}, never);
    const look = hourly();
    const [leaf, meta] = await certificatesOnTheWire(server.port);
    writeFileSync(server.config.certificate!.certFile, 'nonsense');
    vi.setSystemTime(Date.now() + 24 * DAY);
    look();
    await lines(server, 'meta_certificate_renewed', 1);
    const after = await certificatesOnTheWire(server.port);
    expect(after[0]!.equals(leaf!)).toBe(true);
    expect(after[1]!.equals(meta!)).toBe(false);
    expect(Date.parse(facts(server).meta_not_after!) - Date.now()).toBeGreaterThan(29 * DAY);
  });
});

describe('/debug/vars', () => {
  it('tells which certificate is served, and until when', async () => {
    await using server = await startTestRelay();
    const leaf = new X509Certificate((await certificatesOnTheWire(server.port))[0]!);
    expect(facts(server)).toEqual({
      sha256: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
      not_before: new Date(leaf.validFrom).toISOString(),
      not_after: new Date(leaf.validTo).toISOString(),
      meta_not_after: expect.stringMatching(/^\d{4}-/),
      file: server.config.certificate!.certFile,
      refused: null,
    });
  });

  it('tells that there is none', async () => {
    await using server = await startTestRelay({ certificate: null });
    expect(server.relay.snapshot().certificate).toBeNull();
  });
});

describe('a session that is resumed', () => {
  /** Connects, and gives the session that the server hands out for the next time. */
  async function handshake(server: TestRelay, maxVersion: 'TLSv1.2' | 'TLSv1.3', session?: Buffer) {
    const socket: TLSSocket = connect({
      port: server.port,
      host: HOST,
      rejectUnauthorized: false,
      maxVersion,
      ...(session && { session }),
    });
    const ticket = once(socket, 'session') as Promise<[Buffer]>;
    await once(socket, 'secureConnect');
    const reused = socket.isSessionReused();
    const pin = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase();
    // A server that resumes need not give another one.
    const next = reused ? session! : (await ticket)[0];
    ticket.catch(() => {});
    socket.destroy();
    return { reused, pin, session: next };
  }

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('ends with the certificate that it began with: %s', async (version) => {
    await using server = await startTestRelay({}, never);
    const first = await handshake(server, version);
    expect(first.reused).toBe(false);
    const again = await handshake(server, version, first.session);
    expect(again.reused).toBe(true);
    const next = await makeSelfSignedCertificate(HOST);
    putPair(server, next);
    await server.relay.reload();
    const after = await handshake(server, version, again.session);
    expect(after).toMatchObject({ reused: false, pin: sha256(next) });
    expect((await handshake(server, version, after.session)).reused).toBe(true);
  });
});
