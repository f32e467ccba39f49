/** Several ways of admission together. Whoever plays tailscaled here is not the real one: see test/interop. */
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatPublicKey, generateKeyPair } from '../../src/protocol/keys.ts';
import { listenOnLoopback } from '../loopback.ts';
import { temporaryDirectory } from '../temporary.ts';
import { admissionController, allow, FakeTailscaled } from './support/admission-servers.ts';
import { logIn } from './support/raw-client.ts';
import { startTestRelay } from './support/test-relay.ts';

describe('tailscaled and an admission URL together', () => {
  it.each([
    [true, true, undefined],
    [true, false, 'the admission URL says no'],
    [false, true, 'not in this tailnet'],
    [false, false, 'not in this tailnet'],
  ])('must both agree: %s, %s', async (known, allowed, refusal) => {
    const fake = new FakeTailscaled();
    const socket = join(temporaryDirectory(), 'tailscaled.sock');
    await using _ = await fake.listen(socket);
    const handler = admissionController((response) => allow(response, allowed));
    await using service = await listenOnLoopback(createServer(handler as RequestListener));
    const url = { url: `http://127.0.0.1:${service.port}/`, failOpen: false };
    await using server = await startTestRelay({ admission: { tailscaled: { socket }, url } });
    const { publicKey, privateKey } = generateKeyPair();
    if (known) fake.add(publicKey);
    const login = logIn(server.port, { secret: privateKey });
    if (refusal === undefined) {
      await using client = await login;
      await client.settled();
    } else {
      await expect(login).rejects.toThrow(/closed/);
      expect(server.log.find(({ event }) => event === 'client_refused')?.reason).toBe(refusal);
    }
    expect(server.relay.snapshot().admission).toEqual(['tailscaled', 'url']);
    // A stranger to tailscaled is not told to the URL.
    expect(handler.questions).toHaveLength(known ? 1 : 0);
  });

  it('let nobody in while tailscaled is away, even when the URL fails open', async () => {
    const socket = join(temporaryDirectory(), 'tailscaled.sock');
    const url = { url: 'http://127.0.0.1:9/', failOpen: true };
    await using server = await startTestRelay({ admission: { tailscaled: { socket }, url } });
    await expect(logIn(server.port)).rejects.toThrow(/closed/);
  });
});

describe('a key file beside the others', () => {
  it('admits whom it lists without asking anybody, and leaves the rest to them', async () => {
    const folder = temporaryDirectory();
    const fake = new FakeTailscaled();
    const socket = join(folder, 'tailscaled.sock');
    await using _ = await fake.listen(socket);
    const [listed, member, stranger] = [generateKeyPair(), generateKeyPair(), generateKeyPair()];
    const keyFile = join(folder, 'keys');
    await writeFile(keyFile, `${formatPublicKey(listed.publicKey)} # a printer\n`);
    fake.add(member.publicKey);
    await using server = await startTestRelay({ admission: { tailscaled: { socket }, keyFile } });
    await using one = await logIn(server.port, { secret: listed.privateKey });
    await one.settled();
    expect(server.count('admission_questions')).toBe(0);
    await using two = await logIn(server.port, { secret: member.privateKey });
    await two.settled();
    await expect(logIn(server.port, { secret: stranger.privateKey })).rejects.toThrow(/closed/);
    expect(server.log.find(({ event }) => event === 'client_refused')?.reason).toBe('not in this tailnet');
    expect(server.relay.snapshot().admission).toEqual(['key_file', 'tailscaled']);

    // Off the list, but of the tailnet: nothing changes. Off both: it goes.
    fake.add(listed.publicKey);
    await writeFile(keyFile, '');
    await server.relay.reload();
    await expect.poll(() => server.count('admission_questions')).toBe(4);
    await Promise.all([one.settled(), two.settled()]);
    fake.nodes.delete(formatPublicKey(listed.publicKey));
    await server.relay.reload();
    await one.untilClosed();
    await two.settled();
  });
});

describe('no admission', () => {
  it('is said in the log and in /debug/vars', async () => {
    await using server = await startTestRelay();
    expect(server.relay.snapshot()).toMatchObject({ admission: [] });
    expect(server.log.find(({ event }) => event === 'listening')).toMatchObject({ admission: 'none' });
    await server.relay.reload();
  });

  it('is not what rules without content mean: they let nobody in', async () => {
    await using server = await startTestRelay({ admission: {} });
    await expect(logIn(server.port)).rejects.toThrow(/closed/);
  });
});

describe('an admission URL without TLS', () => {
  it.each([
    ['http://192.0.2.1/verify', true],
    ['http://127.0.0.1:9/verify', false],
    ['http://[::1]:9/verify', false],
    ['http://localhost:9/verify', false],
    ['https://192.0.2.1/verify', false],
  ])('%s is warned of: %s', async (url, warned) => {
    await using server = await startTestRelay({ admission: { url: { url, failOpen: false } } });
    expect(server.log.some(({ event }) => event === 'admission_url_without_tls')).toBe(warned);
  });
});
