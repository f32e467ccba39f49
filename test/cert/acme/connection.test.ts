import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AcmeConnection, connectAcme } from '../../../src/cert/acme/connection.ts';
import { AcmeError } from '../../../src/cert/acme/failure.ts';
import { fetchDirectory } from '../../../src/cert/acme/fetch-directory.ts';
import { makeChain, type TestChain } from '../../setup/certificate/authority.ts';

let chain: TestChain;
beforeAll(async () => {
  chain = await makeChain({ type: 'ip', value: '127.0.0.1' });
});

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** An authority's server that answers as it is told; its URL. A real one cannot be made to stumble so. */
async function serve(answer: RequestListener): Promise<string> {
  const server: Server = createServer({ cert: chain.leaf + chain.intermediate, key: chain.key }, answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/dir`;
}

function open(more: Partial<Parameters<typeof connectAcme>[0]> = {}): AcmeConnection {
  const connection = connectAcme({
    environment: {},
    extraAuthorities: chain.root,
    userAgent: 'derp-setup-test',
    signal: new AbortController().signal,
    ...more,
  });
  closers.push(() => connection.close());
  return connection;
}

async function failureOf(work: Promise<unknown>): Promise<AcmeError> {
  const error = await work.then(
    () => new Error('it succeeded'),
    (cause: Error) => cause,
  );
  if (!(error instanceof AcmeError)) throw error;
  return error;
}

const get = { method: 'GET', stage: 'directory' } as const;

describe('a connection to an authority', () => {
  it('says who it is, trusts whom it is told to, and gives any answer', async () => {
    let seen: IncomingMessage | undefined;
    const url = await serve((request, response) => {
      seen = request;
      response.writeHead(404, { 'Replay-Nonce': 'n' }).end('not here');
    });
    expect(await open().send({ ...get, url })).toMatchObject({
      status: 404,
      body: 'not here',
      headers: { 'replay-nonce': 'n' },
    });
    expect(seen?.headers['user-agent']).toBe('derp-setup-test');
    expect(await failureOf(open({ extraAuthorities: '' }).send({ ...get, url }))).toMatchObject({
      reason: 'untrusted',
    });
  });

  it('asks again where that does no harm, and gives up in the end', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked++;
      response.writeHead(asked < 3 ? 502 : 200).end();
    });
    expect((await open().send({ ...get, url })).status).toBe(200);
    expect(asked).toBe(3);
    // What creates something is sent once.
    asked = 0;
    expect((await open().send({ ...get, url, method: 'POST', body: '{}' })).status).toBe(502);
    expect(asked).toBe(1);
  });

  it('does not wait for ever, nor take in any amount', async () => {
    const silent = await serve(() => {});
    const late = await failureOf(open({ timeoutMs: 200 }).send({ ...get, method: 'POST', url: silent }));
    expect(late).toMatchObject({ reason: 'unreachable', message: expect.stringMatching(/no answer within 0.2 s/) });
    const endless = await serve((_, response) => {
      const more = () => response.write(Buffer.alloc(100_000), () => response.destroyed || more());
      more();
    });
    expect(await failureOf(open().send({ ...get, method: 'POST', url: endless }))).toMatchObject({
      reason: 'unreachable',
    });
  });

  it('ends with its signal', async () => {
    const controller = new AbortController();
    const url = await serve(() => controller.abort(new Error('Ctrl-C')));
    await expect(open({ signal: controller.signal }).send({ ...get, url })).rejects.toThrow('Ctrl-C');
  });

  it('goes through a proxy with its credentials, and says when that refuses', async () => {
    const url = await serve((_, response) => response.end('through'));
    const asked: (string | undefined)[] = [];
    const proxy = createHttpServer().listen(0, '127.0.0.1');
    proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
      asked.push(request.url, request.headers['proxy-authorization']);
      if (request.headers['proxy-authorization'] === undefined) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        return;
      }
      const [host, port] = request.url!.split(':');
      const onwards = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(onwards).pipe(socket);
      });
      for (const end of [socket, onwards]) end.on('error', () => {});
    });
    await once(proxy, 'listening');
    closers.push(
      () => proxy.closeAllConnections(),
      () => proxy.close(),
    );
    const { port } = proxy.address() as AddressInfo;
    const through = open({ environment: { HTTPS_PROXY: `http://me:p%40ss@127.0.0.1:${port}` } });
    expect((await through.send({ ...get, url })).body).toBe('through');
    expect(asked).toEqual([new URL(url).host, `Basic ${Buffer.from('me:p@ss').toString('base64')}`]);
    const refused = open({ environment: { HTTPS_PROXY: `http://127.0.0.1:${port}` } });
    const error = await failureOf(refused.send({ ...get, method: 'POST', url }));
    expect(error.message).toMatch(/the proxy 127\.0\.0\.1:\d+ answers 407/);
  });
});

describe('an authority that is asked for its directory', () => {
  const directory = JSON.stringify({
    newNonce: 'https://ca.example/n',
    newAccount: 'https://ca.example/a',
    newOrder: 'https://ca.example/o',
  });

  it('tells its time too', async () => {
    const date = new Date(Date.now() + 7200_000).toUTCString();
    const url = await serve((_, response) => response.writeHead(200, { Date: date }).end(directory));
    const { clockAheadMs } = await fetchDirectory(url, open());
    expect(Math.abs(clockAheadMs! - 7200_000)).toBeLessThan(5000);
  });

  it.each([
    [429, { 'Retry-After': '3600' }, 'rate-limited'],
    [500, { 'Retry-After': '3600' }, 'server-error'],
    [404, {}, 'not-a-directory'],
    [200, {}, 'not-a-directory'],
  ])('and answers %i is told by its reason', async (status, headers, reason) => {
    const url = await serve((_, response) => response.writeHead(status, headers).end('<html>'));
    const error = await failureOf(fetchDirectory(url, open()));
    expect(error.reason).toBe(reason);
    const wait = error.retryAt === undefined ? undefined : Math.round((error.retryAt.getTime() - Date.now()) / 60_000);
    expect(wait).toBe('Retry-After' in headers ? 60 : undefined);
  });
});
