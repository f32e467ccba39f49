import type { Server } from 'node:http';
import { isIPv6 } from 'node:net';
import type { Noise } from '../noise.ts';
import type { HttpChallenges } from './http-challenge.ts';
import { createLimitedHttpServer, headerOf } from './http-server.ts';
import { serveNoContent } from './pages.ts';

/** A host name or address as it may stand in a Location header. */
const SAFE_HOST = /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])$/;

/** Where plain HTTP requests for `path` are sent: the same host by HTTPS, or ours when theirs makes no sense. */
export function redirectTarget(hostHeader: string, path: string, hostname: string, derpPort: number): string {
  const named = hostHeader.replace(/:\d+$/, '');
  const ours = isIPv6(hostname) ? `[${hostname}]` : hostname;
  const host = SAFE_HOST.test(named) ? named : ours;
  const safePath = /^\/[\x21-\x7e]*$/.test(path) ? path : '/';
  return `https://${host}${derpPort === 443 ? '' : `:${derpPort}`}${safePath}`;
}

/** The plain HTTP server beside DERP: captive-portal checks, ACME challenges; everything else is sent to HTTPS. */
export function createPort80Server(
  noise: Noise,
  hostname: string,
  derpPort: () => number,
  challenges?: HttpChallenges,
): Server {
  const server = createLimitedHttpServer(noise);
  server.on('request', (request, response) => {
    const path = request.url ?? '/';
    if (path === '/generate_204' || path.startsWith('/generate_204?')) {
      serveNoContent(request, response);
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(400, { Connection: 'close' }).end('use HTTPS\n');
      return;
    }
    if (challenges?.serve(request, response)) return;
    response.writeHead(302, { Location: redirectTarget(headerOf(request, 'host'), path, hostname, derpPort()) }).end();
  });
  return server;
}
