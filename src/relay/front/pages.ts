import type { IncomingMessage, ServerResponse } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import type { HomePage } from '../config.ts';

/** What the pages show. */
export interface PageContext {
  readonly derp: boolean;
  readonly home: HomePage;
  bootstrapDns(): Record<string, string[]>;
  snapshot(): Record<string, unknown>;
}

/** May see /debug: this machine and the tailnet. */
const debugAddresses = new BlockList();
debugAddresses.addSubnet('127.0.0.0', 8, 'ipv4');
debugAddresses.addAddress('::1', 'ipv6');
debugAddresses.addSubnet('100.64.0.0', 10, 'ipv4');
debugAddresses.addSubnet('fd7a:115c:a1e0::', 48, 'ipv6');

const PROXY_HEADERS = ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'];

/** Whether a request from `address` may see /debug. Behind an HTTP proxy everybody looks local, so nobody may. */
export function mayDebug(address: string, headers: IncomingMessage['headers']): boolean {
  if (PROXY_HEADERS.some((name) => headers[name] !== undefined)) return false;
  return debugAddresses.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** A challenge that may be echoed: at most 64 characters of a small set. Source: `derpserver/handler.go`. */
const CHALLENGE = /^[A-Za-z0-9._:-]{1,64}$/;

/** `/generate_204`: how clients notice a captive portal. It echoes their challenge, which a portal would not. */
export function serveNoContent(request: IncomingMessage, response: ServerResponse): void {
  const challenge = request.headers['x-tailscale-challenge'];
  if (typeof challenge === 'string' && CHALLENGE.test(challenge)) {
    response.setHeader('X-Tailscale-Response', `response ${challenge}`);
  }
  response.setHeader('Cache-Control', 'no-cache, no-store, must-revalidate, no-transform, max-age=0');
  response.writeHead(204).end();
}

const HOME_PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>DERP</title>
<h1>DERP</h1>
<p>This is a <a href="https://tailscale.com/kb/1232/derp-servers">DERP</a> server: it relays encrypted packets between
the nodes of a Tailscale or Headscale network that cannot reach each other directly. It cannot read them.</p>
</html>
`;

/** The path of a request target, without query; `/` for one that is not a path. */
function pathOf(request: IncomingMessage): string {
  const target = request.url ?? '/';
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

function text(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }).end(body);
}

/** Keeps browsers from guessing types, framing the pages, or coming back without TLS. */
function addBrowserHeaders(response: ServerResponse): void {
  response.setHeader('Strict-Transport-Security', 'max-age=63072000');
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'; form-action 'none'");
  response.setHeader('X-Content-Type-Options', 'nosniff');
}

/** Answers every request on the DERP port that is not a login. @param address the client's, after any PROXY header */
export function servePage(
  context: PageContext,
  request: IncomingMessage,
  response: ServerResponse,
  address: string,
): void {
  const path = pathOf(request);
  const reading = request.method === 'GET' || request.method === 'HEAD';
  switch (path) {
    case '/derp':
      if (context.derp) text(response, 426, 'DERP requires connection upgrade\n');
      else text(response, 404, 'derp server disabled\n');
      return;
    case '/derp/probe':
    case '/derp/latency-check':
      if (!reading) return text(response, 405, 'bogus probe method\n');
      response.setHeader('Access-Control-Allow-Origin', '*');
      return text(response, 200, '');
    case '/generate_204':
      return serveNoContent(request, response);
  }
  if (path === '/debug' || path.startsWith('/debug/')) {
    if (!mayDebug(address, request.headers)) return text(response, 403, 'debug access denied\n');
    if (path !== '/debug/vars') return text(response, 404, 'there is /debug/vars\n');
    return text(response, 200, `${JSON.stringify(context.snapshot())}\n`, 'application/json');
  }
  addBrowserHeaders(response);
  if (!reading) return text(response, 405, 'method not allowed\n');
  switch (path) {
    case '/':
      if (context.home === 'blank') return text(response, 200, '');
      if (context.home === 'default') return text(response, 200, HOME_PAGE, 'text/html; charset=utf-8');
      response.writeHead(302, { Location: context.home.redirect }).end();
      return;
    case '/robots.txt':
      return text(response, 200, 'User-agent: *\nDisallow: /\n');
    case '/bootstrap-dns':
      response.setHeader('Connection', 'close');
      return text(response, 200, `${JSON.stringify(context.bootstrapDns())}\n`, 'application/json');
    default:
      return text(response, 404, 'not found\n');
  }
}
