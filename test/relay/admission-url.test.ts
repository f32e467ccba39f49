import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { formatPublicKey, generateKeyPair } from '../../src/protocol/keys.ts';
import { AdmissionUrl, parseAdmissionAnswer } from '../../src/relay/admission/admission-url.ts';
import { QuestionError } from '../../src/relay/admission/source.ts';
import { defaults } from '../../src/relay/defaults.ts';
import { listenOnLoopback } from '../loopback.ts';
import { admissionController, allow, type UrlQuestion } from './support/admission-servers.ts';
import { freePort } from './support/ports.ts';
import { logIn } from './support/raw-client.ts';
import { startTestRelay, type TestRelay } from './support/test-relay.ts';

const claimant = () => ({ key: generateKeyPair().publicKey, address: '192.0.2.7' });
const attempts = 1 + defaults.admissionRetries;

/** Serves an admission URL for the length of a test. */
async function controller(answer: (response: ServerResponse, question: UrlQuestion, count: number) => void) {
  const handler = admissionController(answer);
  const listening = await listenOnLoopback(createServer(handler as RequestListener));
  const url = `http://127.0.0.1:${listening.port}/verify?tenant=1`;
  return Object.assign(listening, { url, questions: handler.questions });
}

/** Asks once, directly. @returns what it answers, or the error */
async function ask(url: string, timeout = 2000): Promise<unknown> {
  const source = new AdmissionUrl(new URL(url), timeout);
  return source
    .ask(claimant())
    .catch((error: unknown) => error)
    .finally(() => source.close());
}

const relayAt = (url: string, failOpen = false) => startTestRelay({ admission: { url: { url, failOpen } } });
const reasons = (server: TestRelay) =>
  server.log.filter(({ event }) => event === 'client_refused').map(({ reason }) => reason);

describe('an admission URL', () => {
  it('is asked as derper asks it, and decides', async () => {
    let yes = true;
    await using service = await controller((response) => allow(response, yes));
    await using server = await relayAt(service.url);
    await using client = await logIn(server.port);
    await client.settled();
    expect(service.questions).toEqual([
      {
        method: 'POST',
        path: '/verify?tenant=1',
        type: 'application/json',
        body: { NodePublic: formatPublicKey(client.publicKey), Source: '127.0.0.1' },
      },
    ]);
    yes = false;
    await expect(logIn(server.port)).rejects.toThrow(/closed/);
    expect(reasons(server)).toEqual(['the admission URL says no']);
    expect(server.relay.snapshot()).toMatchObject({ admission: ['url'], admission_failures: 0, logins_refused: 1 });
  });

  it('is asked once in a while about a key, and sooner again after a no than after a yes', async () => {
    let yes = false;
    await using service = await controller((response) => allow(response, yes));
    await using server = await relayAt(service.url);
    const secret = generateKeyPair().privateKey;
    await expect(logIn(server.port, { secret })).rejects.toThrow(/closed/);
    await expect(logIn(server.port, { secret })).rejects.toThrow(/closed/);
    expect(service.questions).toHaveLength(1);
    yes = true;
    // Nothing that the relay remembers outlives a reload.
    await server.relay.reload();
    await using one = await logIn(server.port, { secret });
    await using two = await logIn(server.port, { secret });
    await Promise.all([one.settled(), two.settled()]);
    expect(service.questions).toHaveLength(2);
    expect(defaults.admissionNoLifetime).toBeLessThan(defaults.admissionYesLifetime);
  });

  it('that fails for a moment is asked again', async () => {
    await using service = await controller((response, _, count) => {
      if (count < attempts) response.writeHead(503).end();
      else allow(response, true);
    });
    expect(await ask(service.url)).toEqual({ allow: true });
    expect(service.questions).toHaveLength(attempts);
  });

  it.each<[string, RegExp, number, (response: ServerResponse) => unknown]>([
    ['errors', /status 500/, attempts, (response) => response.writeHead(500).end('{"Allow": true}')],
    ['an answer to another question', /status 404/, 1, (response) => response.writeHead(404).end('{"Allow": true}')],
    ['a denial of itself', /status 401/, 1, (response) => response.writeHead(401).end()],
    ['no content', /status 204/, 1, (response) => response.writeHead(204).end()],
    ['a web page', /not JSON/, 1, (response) => response.writeHead(200).end('<html>Allow</html>')],
    ['nothing', /not JSON/, 1, (response) => response.writeHead(200).end()],
    ['JSON that does not say', /without/, 1, (response) => response.writeHead(200).end('{"allowed": true}')],
    ['a text for true', /without/, 1, (response) => response.writeHead(200).end('{"Allow": "true"}')],
    [
      'a huge body',
      /longer than 4096 bytes/,
      1,
      (response) => response.writeHead(200).end(`{"Allow": true, "x": "${'x'.repeat(8192)}"}`),
    ],
    [
      'a body without an end',
      /longer than 4096 bytes/,
      1,
      (response) => {
        const timer = setInterval(() => response.write(Buffer.alloc(1024, ' ')), 1);
        response.on('close', () => clearInterval(timer));
      },
    ],
    [
      'half a body',
      /cannot be understood/,
      attempts,
      (response) => {
        response.writeHead(200, { 'Content-Length': 100 }).write('{"Allow": true}');
        setTimeout(() => response.socket!.destroy(), 20);
      },
    ],
    [
      'a head, and then silence',
      /did not end in time/,
      1,
      (response) => response.writeHead(200, { 'Content-Length': 100 }).write('{"Allow": true'),
    ],
  ])(
    'that answers with %s is no reason to let anybody in, not even when it fails open',
    async (_how, reason, asked, reply) => {
      await using service = await controller((response) => void reply(response));
      const error = await ask(service.url, 1000);
      expect(error).toBeInstanceOf(QuestionError);
      expect(error).toMatchObject({ message: expect.stringMatching(reason), unreachable: false });
      expect(service.questions).toHaveLength(asked);
    },
  );

  it('that redirects is not followed', async () => {
    await using elsewhere = await controller((response) => allow(response, true));
    for (const status of [301, 302, 303, 307, 308]) {
      await using service = await controller((response) =>
        response.writeHead(status, { Location: elsewhere.url }).end(),
      );
      expect(await ask(service.url)).toMatchObject({ message: expect.stringMatching(/redirect/), unreachable: false });
    }
    expect(elsewhere.questions).toEqual([]);
  });

  it('that does not speak HTTP, or is silent, or is not there, keeps everybody out', async () => {
    await using mail = await listenOnLoopback(createTcpServer((socket) => socket.write('220 mail.example ESMTP\r\n')));
    expect(await ask(`http://127.0.0.1:${mail.port}/`)).toMatchObject({
      message: expect.stringMatching(/does not speak HTTP/),
      unreachable: false,
    });
    await using silent = await listenOnLoopback(createTcpServer(() => {}));
    const began = Date.now();
    expect(await ask(`http://127.0.0.1:${silent.port}/`, 300)).toMatchObject({
      message: 'the admission URL does not answer within 0.3 s',
      unreachable: true,
    });
    expect(Date.now() - began).toBeLessThan(1500);
    expect(await ask(`http://127.0.0.1:${await freePort()}/`)).toMatchObject({
      message: expect.stringMatching(/cannot be reached.*ECONNREFUSED/),
      unreachable: true,
    });
  });

  it('whose first answers break off with the connection is reached by the next attempt', async () => {
    let connections = 0;
    const handler = admissionController((response) => allow(response, true));
    const server = createServer(handler as RequestListener);
    server.on('connection', (socket) => {
      if (++connections < attempts) socket.destroy();
    });
    await using service = await listenOnLoopback(server);
    expect(await ask(`http://127.0.0.1:${service.port}/`)).toEqual({ allow: true });
    expect(connections).toBe(attempts);
  });

  it('is not believed with a certificate that nobody vouches for, whatever the environment says', async () => {
    const { certPem, keyPem } = await makeSelfSignedCertificate('127.0.0.1');
    const handler = admissionController((response) => allow(response, true));
    const server = createHttpsServer({ cert: certPem, key: keyPem }, handler as RequestListener);
    await using service = await listenOnLoopback(server);
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      expect(await ask(`https://127.0.0.1:${service.port}/`)).toMatchObject({
        message: expect.stringMatching(/self-signed certificate/),
      });
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
    expect(handler.questions).toEqual([]);
  });
});

describe('a relay whose admission URL fails', () => {
  it('lets nobody in when it is not there, by default', async () => {
    const url = `http://127.0.0.1:${await freePort()}/`;
    await using server = await relayAt(url);
    await expect(logIn(server.port)).rejects.toThrow(/closed/);
    expect(reasons(server)).toEqual([expect.stringMatching(/cannot be reached/)]);
    expect(server.count('admission_failures')).toBe(1);
    expect(server.log.find(({ event }) => event === 'admission_unanswered')).toMatchObject({ source: 'url' });
  });

  it('lets nobody in when it fails open, but is there and answers with an error', async () => {
    await using service = await controller((response) => response.writeHead(404).end());
    await using server = await relayAt(service.url, true);
    await expect(logIn(server.port)).rejects.toThrow(/closed/);
    expect(reasons(server)).toEqual(['the admission URL answers with status 404']);
  });

  it('lets everybody in when it is not there and fails open, says so, and asks again the next time', async () => {
    const port = await freePort();
    await using server = await relayAt(`http://127.0.0.1:${port}/`, true);
    const secret = generateKeyPair().privateKey;
    await using client = await logIn(server.port, { secret });
    await client.settled();
    expect(server.log.find(({ event }) => event === 'admitted_without_answer')).toMatchObject({
      reason: expect.stringMatching(/cannot be reached/),
    });
    const refuser = createServer(admissionController((response) => allow(response, false)) as RequestListener);
    refuser.listen(port, '127.0.0.1');
    await once(refuser, 'listening');
    try {
      await expect(logIn(server.port, { secret })).rejects.toThrow(/closed/);
      expect(reasons(server)).toEqual(['the admission URL says no']);
    } finally {
      refuser.closeAllConnections();
      refuser.close();
    }
  });
});

describe("an admission URL's answer", () => {
  it('is one true or false, in any case of its name, as for derper', () => {
    expect(parseAdmissionAnswer('{"Allow": true}')).toBe(true);
    expect(parseAdmissionAnswer(' {"allow":false,"Note":"x"}\n')).toBe(false);
    for (const text of [
      '',
      'true',
      'null',
      '[]',
      '{}',
      '[true]',
      '{"Allow":1}',
      '{"Allow":null}',
      '{"Allow":true,"allow":false}',
    ]) {
      expect(() => parseAdmissionAnswer(text), text).toThrow(QuestionError);
    }
  });
});
