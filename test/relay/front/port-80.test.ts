import { describe, expect, it } from 'vitest';
import { redirectTarget } from '../../../src/relay/front/port-80.ts';
import { ask, askRaw } from '../support/http.ts';
import { startTestRelay } from '../support/test-relay.ts';

describe('a redirect to HTTPS', () => {
  it.each([
    ['derp.example', '/', 443, 'https://derp.example/'],
    ['derp.example:80', '/a?b=c', 443, 'https://derp.example/a?b=c'],
    ['derp.example:80', '/', 8443, 'https://derp.example:8443/'],
    ['192.0.2.1', '/derp', 8443, 'https://192.0.2.1:8443/derp'],
    ['[2001:db8::1]', '/', 443, 'https://[2001:db8::1]/'],
    ['[2001:db8::1]:80', '/', 8443, 'https://[2001:db8::1]:8443/'],
  ])('for Host %s, %s, with DERP on %i, goes to %s', (host, path, port, target) => {
    expect(redirectTarget(host, path, 'ours.example', port)).toBe(target);
  });

  it.each([
    '',
    ':80',
    'other.example/path',
    'user@other.example',
    'other.example\r\nSet-Cookie: a=b',
    'other.example#',
    'other.example?',
    'a b',
    '"><script>',
    'bücher.example',
    '2001:db8::1',
    '[2001:db8::1',
    '[other.example]',
    'one.example, two.example',
    'x'.repeat(254),
  ])('goes to our own name for Host %j', (host) => {
    expect(redirectTarget(host, '/', 'ours.example', 443)).toBe('https://ours.example/');
    expect(redirectTarget(host, '/', '2001:db8::2', 8443)).toBe('https://[2001:db8::2]:8443/');
  });

  it.each(['', '*', 'other.example', 'http://other.example/', '/a\r\nSet-Cookie: b', '/a b', '/ä', '/\0'])(
    'goes to the front page for the path %j',
    (path) => {
      expect(redirectTarget('derp.example', path, 'ours.example', 443)).toBe('https://derp.example/');
    },
  );
});

describe('the plain HTTP port', () => {
  it('answers captive-portal checks, redirects the rest, and takes nothing but reads', async () => {
    await using server = await startTestRelay({ httpPort: 0 });
    const { http: port, derp } = server.relay.ports;
    const challenge = 'X-Tailscale-Challenge: ts.derp-1\r\n';
    for (const path of ['/generate_204', '/generate_204?a']) {
      const check = await ask(port, `GET ${path}`, { tls: false, headers: challenge });
      expect(check).toMatchObject({ status: 204, body: '' });
      expect(check.headers['x-tailscale-response']).toBe('response ts.derp-1');
      expect(check.headers['cache-control']).toContain('no-store');
    }
    const page = await ask(port, 'GET /some/page?x=1', { tls: false, headers: 'Host: [::1]:80\r\n' });
    expect(page.status).toBe(302);
    expect(page.headers.location).toBe(`https://[::1]:${derp}/some/page?x=1`);
    const head = await ask(port, 'HEAD /debug/vars', { tls: false });
    expect(head.status).toBe(302);
    expect(head.headers.location).toBe(`https://127.0.0.1:${derp}/debug/vars`);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const refused = await ask(port, `${method} /`, { tls: false });
      expect(refused.status).toBe(400);
      expect(refused.headers.connection).toBe('close');
    }
  });

  it('lets nothing into its headers', async () => {
    await using server = await startTestRelay({ httpPort: 0 });
    const { http: port, derp } = server.relay.ports;
    const attempt = (request: string) => askRaw(port, request, { tls: false });
    const end = 'Connection: close\r\n\r\n';
    for (const host of ['other.example x', 'other.example\tx', 'user@other.example', '"quoted"', 'ä.example']) {
      const answer = await attempt(`GET / HTTP/1.1\r\nHost: ${host}\r\n${end}`);
      expect(answer.headers.location).toBe(`https://127.0.0.1:${derp}/`);
    }
    expect((await attempt(`GET http://other.example/ HTTP/1.1\r\nHost: x\r\n${end}`)).headers.location).toBe(
      `https://x:${derp}/`,
    );
    // Two hosts, and a bare carriage return inside one: node refuses what could be read in two ways.
    expect((await attempt(`GET / HTTP/1.1\r\nHost: a\rb: c\r\n${end}`)).status).toBe(400);
    expect((await attempt('not HTTP at all\r\n\r\n')).status).toBe(400);
    expect(server.count('noise', 'bad_http_request')).toBe(2);
  });

  it('is not there unless asked for', async () => {
    await using server = await startTestRelay();
    expect(server.relay.ports.http).toBe(-1);
  });
});
