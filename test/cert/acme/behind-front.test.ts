/** Answers to challenges behind something that hands connections on, as nginx does. */
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { UnreachableError, withSelfCheck } from '../../../src/cert/acme/ask-ourselves.ts';
import { portResponderOf } from '../../../src/cert/acme/port-responder.ts';
import type { Challenge } from '../../../src/cert/acme/responder.ts';
import { freePort } from '../../relay/support/ports.ts';

const challenge: Challenge = { type: 'http-01', host: 'derp.example.com', token: 'tok', keyAuthorization: 'tok.key' };
const { signal } = new AbortController();
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** Something that hands requests on from the second one on; answers the others itself. */
async function startFront(port: number, early = 1) {
  let requests = 0;
  const front = createServer((asked, answer) => {
    if (requests++ < early) {
      answer.writeHead(404).end();
      return;
    }
    const { method, url, headers } = asked;
    const inner = request({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (found) => {
      answer.writeHead(found.statusCode ?? 502);
      found.pipe(answer);
    });
    inner.on('error', () => answer.writeHead(502).end()).end();
  }).listen(0, '127.0.0.1');
  servers.push(front);
  await once(front, 'listening');
  return (front.address() as AddressInfo).port;
}

describe('a challenge that something else hands on', () => {
  it('is asked for where it arrives, and again until it is handed on', async () => {
    const port = await freePort();
    const frontPort = await startFront(port);
    const way = { challenge: 'http-01', by: 'responder', port, frontPort, outerPort: 80 } as const;
    const responder = withSelfCheck(portResponderOf(way), { addresses: ['127.0.0.1'], way, local: [] });
    const remove = await responder.present(challenge, signal);
    await remove();
  });

  it('is answered on the loopback address alone', async () => {
    const port = await freePort();
    const way = { challenge: 'http-01', by: 'responder', port, frontPort: 80, outerPort: 80 } as const;
    const remove = await portResponderOf(way).present(challenge, signal);
    const elsewhere = connect(port, '127.0.0.2');
    const [error] = await once(elsewhere, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    await remove();
  });

  it('is not found where it is not handed on', async () => {
    const port = await freePort();
    const frontPort = await startFront(port, Number.POSITIVE_INFINITY);
    const way = { challenge: 'http-01', by: 'responder', port, frontPort, outerPort: 80 } as const;
    const responder = withSelfCheck(portResponderOf(way), { addresses: ['127.0.0.1'], way, local: [] });
    const failure = await responder.present(challenge, signal).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UnreachableError);
    // Nobody answers any more.
    await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  }, 20_000);
});
