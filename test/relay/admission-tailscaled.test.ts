/**
 * Admission by tailscaled, against somebody who plays tailscaled at a unix socket: what the real one does not do on
 * demand. The real one is asked in test/interop/admission.test.ts.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { formatPublicKey, generateKeyPair } from '../../src/protocol/keys.ts';
import { Tailscaled } from '../../src/relay/admission/tailscaled.ts';
import { readStatus, readWhoIs } from '../../src/relay/admission/tailscaled-answers.ts';
import { defaults } from '../../src/relay/defaults.ts';
import { temporaryDirectory } from '../temporary.ts';
import { FakeTailscaled } from './support/admission-servers.ts';
import { logIn, type RawClient } from './support/raw-client.ts';
import { startTestRelay, type TestRelay } from './support/test-relay.ts';

const newSocket = () => join(temporaryDirectory(), 'tailscaled.sock');
const secretOf = (byte: number) => Buffer.alloc(32, byte);
const events = (server: TestRelay, name: string) => server.log.filter(({ event }) => event === name);

/** A relay that asks at `socket`. */
const relayAt = (socket: string) => startTestRelay({ admission: { tailscaled: { socket } } });

/** A client whose key tailscaled knows. */
async function member(fake: FakeTailscaled, server: TestRelay, secret = generateKeyPair().privateKey) {
  fake.add(Buffer.from(nacl.box.keyPair.fromSecretKey(secret).publicKey));
  return logIn(server.port, { secret });
}

/** Tries to log in with a key that nobody knows, and gives the reason in the log. */
async function refusal(server: TestRelay, secret?: Uint8Array): Promise<unknown> {
  const before = events(server, 'client_refused').length;
  await expect(logIn(server.port, secret ? { secret } : {})).rejects.toThrow(/closed/);
  return events(server, 'client_refused')[before]?.reason;
}

describe('tailscaled', () => {
  it('is asked as derper asks it, and lets in its nodes and no one else', async () => {
    const fake = new FakeTailscaled();
    const socket = newSocket();
    await using _ = await fake.listen(socket);
    await using server = await relayAt(socket);
    await using client = await member(fake, server);
    await client.settled();
    const question = `/localapi/v0/whois?addr=${encodeURIComponent(formatPublicKey(client.publicKey))}`;
    expect(fake.whoIsQuestions).toContain(question);
    expect(await refusal(server)).toBe('not in this tailnet');
    expect(server.relay.snapshot()).toMatchObject({ admission: ['tailscaled'], logins_refused: 1, clients: 1 });
    expect(server.count('admission_failures')).toBe(0);
  });

  it('lets in this machine itself, which some releases do not find by its key', async () => {
    const fake = new FakeTailscaled();
    const socket = newSocket();
    await using _ = await fake.listen(socket);
    await using server = await relayAt(socket);
    const own = generateKeyPair();
    fake.ownKey = formatPublicKey(own.publicKey);
    await using client = await logIn(server.port, { secret: own.privateKey });
    await client.settled();
  });

  it('cannot say no while it is in no tailnet, and everybody stays out', async () => {
    const fake = new FakeTailscaled();
    fake.state = 'NeedsLogin';
    const socket = newSocket();
    await using _ = await fake.listen(socket);
    await using server = await relayAt(socket);
    expect(await refusal(server)).toMatch(/not connected to a tailnet .*NeedsLogin/);
    // Said once, though it was noticed at the start and again at the login.
    expect(events(server, 'admission_unanswered')).toHaveLength(1);
    fake.state = 'Running';
    await using client = await member(fake, server);
    await client.settled();
    expect(events(server, 'admission_answered_again')).toEqual([expect.objectContaining({ source: 'tailscaled' })]);
  });

  it('that is not there, then is, then is restarted, is found each time', async () => {
    const fake = new FakeTailscaled();
    const socket = newSocket();
    await using server = await relayAt(socket);
    expect(await refusal(server)).toBe(`tailscaled does not answer: there is no socket ${socket}`);
    const first = await fake.listen(socket);
    await using before = await member(fake, server);
    await before.settled();
    await first[Symbol.asyncDispose]();
    expect(await refusal(server)).toMatch(/there is no socket/);
    await using _ = await fake.listen(socket);
    await using after = await member(fake, server);
    await after.settled();
    expect(server.count('clients')).toBe(2);
    expect(server.count('admission_failures')).toBe(2);
  });

  it('that closes a kept connection instead of answering is asked again on a new one', async () => {
    const fake = new FakeTailscaled();
    const used = new Set<Socket>();
    let broken = 0;
    fake.instead = ({ socket }) => {
      if (!used.has(socket)) return !used.add(socket);
      broken++;
      socket.destroy();
      return true;
    };
    const socket = newSocket();
    await using _ = await fake.listen(socket);
    await using server = await relayAt(socket);
    await using one = await member(fake, server);
    await using two = await member(fake, server);
    await Promise.all([one.settled(), two.settled()]);
    expect(broken).toBeGreaterThanOrEqual(2);
    expect(server.count('admission_failures')).toBe(0);
  });

  it('that is too old for the question is named in the log, with its version', async () => {
    const fake = new FakeTailscaled();
    fake.instead = (request, response) => {
      if (!request.url?.includes('whois')) return false;
      response.writeHead(400, { 'Tailscale-Version': '1.68.2-tdeadbeef' }).end("invalid 'addr' parameter\n");
      return true;
    };
    const socket = newSocket();
    await using _ = await fake.listen(socket);
    await using server = await relayAt(socket);
    // At the start already, not at the first client.
    await expect.poll(() => events(server, 'admission_unanswered')).toHaveLength(1);
    expect(events(server, 'admission_unanswered')[0]!.problem).toMatch(/1\.68\.2.* too old .* 1\.70 or newer/);
    expect(await refusal(server)).toMatch(/too old/);
  });

  it.each<[string, RegExp, (request: IncomingMessage, response: ServerResponse) => unknown]>([
    ['an error', /status 500/, (_, response) => response.writeHead(500).end('{"Node": {}}')],
    ['a denial', /denies/, (_, response) => response.writeHead(403).end('whois access denied')],
    ['no JSON', /not JSON/, (_, response) => response.writeHead(200).end('<html>')],
    ['JSON that says nothing', /another key/, (_, response) => response.writeHead(200).end('{}')],
    ['a redirect', /status 302/, (_, response) => response.writeHead(302, { Location: '/yes' }).end()],
    [
      "somebody else's node",
      /another key/,
      (_, response) => response.writeHead(200).end(`{"Node": {"Key": "nodekey:${'1'.repeat(64)}"}}`),
    ],
    [
      'no end',
      /cannot be understood/,
      (_, response) => response.writeHead(200).write(Buffer.alloc(defaults.tailscaledAnswerBytes + 1, ' ')),
    ],
    [
      'half an answer',
      /cannot be understood/,
      (request, response) => {
        response.writeHead(200, { 'Content-Length': 100 }).write('{"Node":');
        setTimeout(() => request.socket.destroy(), 20);
      },
    ],
    ['no HTTP', /does not speak HTTP/, (request) => request.socket.write('220 mail.example ESMTP\r\n')],
  ])('that answers with %s lets nobody in', async (_how, reason, reply) => {
    const fake = new FakeTailscaled();
    fake.instead = (request, response) => {
      if (!request.url!.includes('whois')) return false;
      reply(request, response);
      return true;
    };
    const socket = newSocket();
    await using _ = await fake.listen(socket);
    await using server = await relayAt(socket);
    expect(await refusal(server)).toMatch(reason);
    expect(server.count('admission_failures')).toBe(1);
  });

  it('that is silent is not waited for longer than it may take, however many wait for a connection', async () => {
    const fake = new FakeTailscaled();
    fake.instead = () => true;
    const socket = newSocket();
    await using _ = await fake.listen(socket);
    const tailscaled = new Tailscaled(socket, 300);
    const began = Date.now();
    const asked = Array.from({ length: 3 * defaults.admissionConnections }, () =>
      tailscaled.ask({ key: generateKeyPair().publicKey, address: '' }),
    );
    const results = await Promise.allSettled(asked);
    expect(Date.now() - began).toBeLessThan(2000);
    for (const result of results) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { message: expect.stringContaining('within 0.3 s') },
      });
    }
    expect(fake.connectionsAtOnce).toBeLessThanOrEqual(defaults.admissionConnections);
    tailscaled.close();
  });
});

describe('a storm of logins', () => {
  it('of one key asks once, hundreds of times at once or one after the other', async () => {
    const fake = new FakeTailscaled();
    const held: (() => void)[] = [];
    const socket = newSocket();
    await using _ = await fake.listen(socket);
    await using server = await startTestRelay({ admission: { tailscaled: { socket } }, certificate: null });
    await expect.poll(() => fake.asked.length).toBeGreaterThanOrEqual(2);
    const before = fake.whoIsQuestions.length;
    fake.instead = (request, response) => {
      if (held.length > 0) return false;
      held.push(() => {
        response
          .writeHead(200)
          .end(JSON.stringify({ Node: { Key: new URL(request.url!, 'http://x').searchParams.get('addr') } }));
      });
      return true;
    };
    const secret = secretOf(7);
    const logins = Array.from({ length: 300 }, () => logIn(server.port, { secret, tls: false }));
    await expect.poll(() => held.length).toBe(1);
    held[0]!();
    const clients: RawClient[] = await Promise.all(logins);
    await using later = await logIn(server.port, { secret, tls: false });
    await later.settled();
    expect(server.count('clients')).toBe(301);
    expect(fake.whoIsQuestions.length - before).toBe(1);
    expect(server.count('admission_questions')).toBe(1);
    for (const client of clients) client.socket.destroy();
  });

  it('of many keys keeps within its connections', async () => {
    const fake = new FakeTailscaled();
    const socket = newSocket();
    await using _ = await fake.listen(socket);
    await using server = await startTestRelay({ admission: { tailscaled: { socket } }, certificate: null });
    const secrets = Array.from({ length: 200 }, () => generateKeyPair());
    for (const { publicKey } of secrets) fake.add(publicKey);
    const clients = await Promise.all(
      secrets.map(({ privateKey }) => logIn(server.port, { secret: privateKey, tls: false })),
    );
    expect(server.count('clients')).toBe(200);
    expect(fake.connectionsAtOnce).toBeLessThanOrEqual(defaults.admissionConnections);
    for (const client of clients) client.socket.destroy();
  });
});

describe("tailscaled's answers", () => {
  const answer = (status: number, body: unknown) => ({ status, headers: {}, body: JSON.stringify(body) });
  const key = `nodekey:${'ab'.repeat(32)}`;

  it('are believed about the key that was asked for', () => {
    expect(readWhoIs(answer(200, { Node: { Key: key } }), key)).toBe(true);
    expect(readWhoIs(answer(404, 'no match for IP:port'), key)).toBe(false);
    for (const body of [{ Node: null }, { Node: [] }, [], null, 5, 'x', { Node: { Key: [key] } }]) {
      expect(() => readWhoIs(answer(200, body), key)).toThrow();
    }
  });

  it.each([
    ['Running', { Name: 'a' }, true],
    ['Starting', { Name: 'a' }, true],
    ['Running', null, false],
    ['Stopped', { Name: 'a' }, false],
    ['NeedsLogin', null, false],
  ])('in state %s with the tailnet %j: a no can be believed: %s', (BackendState, CurrentTailnet, knowsTailnet) => {
    const status = readStatus(answer(200, { BackendState, CurrentTailnet, Self: { PublicKey: key } }));
    expect(status).toEqual({ state: BackendState, knowsTailnet, ownKey: key });
  });

  it('without a state or a key of its own say nothing', () => {
    expect(readStatus(answer(200, {}))).toEqual({ state: 'unknown', knowsTailnet: false, ownKey: undefined });
    expect(() => readStatus(answer(500, {}))).toThrow(/status 500/);
  });
});
