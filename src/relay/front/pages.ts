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

/** An answer, before it is written. */
interface Page {
  status: number;
  body: string;
  headers?: Record<string, string>;
}

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Keeps browsers from guessing types, framing the pages, or coming back without TLS. */
const BROWSER_HEADERS = {
  'Strict-Transport-Security': 'max-age=63072000',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; form-action 'none'",
  'X-Content-Type-Options': 'nosniff',
};

/** What `request` gets, all but `/generate_204`. @param address the client's, after any PROXY header */
function pageFor(context: PageContext, path: string, request: IncomingMessage, address: string): Page {
  const reading = request.method === 'GET' || request.method === 'HEAD';
  if (path === '/derp') {
    return context.derp
      ? {
          status: 426,
          body: 'DERP requires connection upgrade\n',
          headers: { Upgrade: 'DERP', Connection: 'Upgrade, close' },
        }
      : { status: 404, body: 'derp server disabled\n' };
  }
  if (path === '/derp/probe' || path === '/derp/latency-check') {
    return reading
      ? { status: 200, body: '', headers: { 'Access-Control-Allow-Origin': '*' } }
      : { status: 405, body: 'bogus probe method\n' };
  }
  if (path === '/debug' || path.startsWith('/debug/')) {
    if (!mayDebug(address, request.headers)) return { status: 403, body: 'debug access denied\n' };
    if (path !== '/debug/vars') return { status: 404, body: 'there is /debug/vars\n' };
    return { status: 200, body: `${JSON.stringify(context.snapshot())}\n`, headers: JSON_TYPE };
  }
  return reading ? browserPage(context, path) : { status: 405, body: 'method not allowed\n', headers: BROWSER_HEADERS };
}

/** The pages that people look at. */
function browserPage(context: PageContext, path: string): Page {
  const page = (body: string, headers?: Record<string, string>, status = 200): Page => ({
    status,
    body,
    headers: { ...BROWSER_HEADERS, ...headers },
  });
  switch (path) {
    case '/':
      if (context.home === 'blank') return page('');
      if (context.home === 'default') return page(HOME_PAGE, { 'Content-Type': 'text/html; charset=utf-8' });
      // Operators may write it in letters of any language; a header may not.
      return page('', { Location: new URL(context.home.redirect).href }, 302);
    case '/robots.txt':
      return page('User-agent: *\nDisallow: /\n');
    case '/bootstrap-dns':
      return page(`${JSON.stringify(context.bootstrapDns())}\n`, { ...JSON_TYPE, Connection: 'close' });
    default:
      return page('not found\n', {}, 404);
  }
}

/** Answers every request on the DERP port that is not a login. @param address the client's, after any PROXY header */
export function servePage(
  context: PageContext,
  request: IncomingMessage,
  response: ServerResponse,
  address: string,
): void {
  const path = (request.url ?? '/').split('?', 1)[0]!;
  if (path === '/generate_204') {
    serveNoContent(request, response);
    return;
  }
  const { status, body, headers } = pageFor(context, path, request, address);
  response
    .writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      ...headers,
    })
    .end(body);
}
