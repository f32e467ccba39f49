/** Answers challenges itself, on a port that nobody else has at the moment. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ACME_PROTOCOL, CHALLENGE_PATH, type Challenge, type Responder } from './responder.ts';
import type { ChallengeWay } from './way.ts';

/** Nobody has a good reason to hold a connection longer, milliseconds. */
const IDLE_MS = 10_000;
/** Authorities validate from a handful of places; anybody else may knock too. */
const MAX_CONNECTIONS = 200;
/** Where what is handed on arrives. */
const LOOPBACK = '127.0.0.1';

function httpServer(challenge: Extract<Challenge, { type: 'http-01' }>): Server {
  const path = CHALLENGE_PATH + challenge.token;
  return createServer((request, response) => {
    if (request.url !== path || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404, { Connection: 'close' }).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', Connection: 'close' });
    response.end(request.method === 'HEAD' ? undefined : challenge.keyAuthorization);
  });
}

function tlsServer({ pair }: Extract<Challenge, { type: 'tls-alpn-01' }>) {
  const server = createTlsServer({ cert: pair.certPem, key: pair.keyPem, ALPNProtocols: [ACME_PROTOCOL] });
  // Nothing is exchanged on the connection after the handshake (RFC 8737, 3).
  server.on('secureConnection', (socket) => socket.on('error', () => {}).end());
  server.on('tlsClientError', () => {});
  return server;
}

/**
 * A responder on every address of this machine, both families, while a challenge is shown; on the address `host` alone
 * where something else takes connections and hands them on.
 */
export function createPortResponder(port: number, host?: string): Responder {
  return {
    present: async (challenge) => {
      const server = challenge.type === 'http-01' ? httpServer(challenge) : tlsServer(challenge);
      server.maxConnections = MAX_CONNECTIONS;
      const open = new Set<Socket>();
      server.on('connection', (socket: Socket) => {
        open.add(socket);
        socket.setTimeout(IDLE_MS, () => socket.destroy());
        socket.on('error', () => {}).once('close', () => open.delete(socket));
      });
      // Without an address: IPv6 and IPv4, or IPv4 alone where the machine has no IPv6.
      server.listen({ port, ...(host !== undefined && { host }) });
      await once(server, 'listening');
      return () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          for (const socket of open) socket.destroy();
        });
    },
  };
}

/** A responder that answers where a way says. */
export function portResponderOf({ port, frontPort }: ChallengeWay): Responder {
  return createPortResponder(port, frontPort === undefined ? undefined : LOOPBACK);
}
