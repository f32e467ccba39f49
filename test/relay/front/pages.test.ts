import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayDebug } from '../../../src/relay/front/pages.ts';
import { type Answer, ask, askRaw } from '../support/http.ts';
import { logIn } from '../support/raw-client.ts';
import { startTestRelay, type TestRelay } from '../support/test-relay.ts';

let server: TestRelay;
let get: (path: string, headers?: string) => Promise<Answer>;

beforeAll(async () => {
  server = await startTestRelay();
  get = (path, headers = '') => ask(server.port, `GET ${path}`, { headers });
});
afterAll(() => server[Symbol.asyncDispose]());

describe('/derp', () => {
  it.each(['GET', 'HEAD', 'POST'])('asks for an upgrade when a %s brings none', async (method) => {
    const { status, headers } = await ask(server.port, `${method} /derp`);
    expect(status).toBe(426);
    expect(headers).toMatchObject({ upgrade: 'DERP', connection: 'Upgrade, close' });
  });

  it('refuses an upgrade to something else, and upgrades elsewhere', async () => {
    const upgrade = (path: string, to: string) =>
      askRaw(server.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: ${to}\r\nConnection: Upgrade\r\n\r\n`);
    const wrong = await upgrade('/derp', 'h2c');
    expect(wrong.status).toBe(426);
    expect(wrong.headers.upgrade).toBe('DERP');
    expect((await upgrade('/derper', 'DERP')).status).toBe(404);
    expect((await upgrade('/', 'websocket')).status).toBe(404);
  });

  it('is not there when the relay does not serve DERP', async () => {
    await using stunOnly = await startTestRelay({ derp: false });
    expect((await ask(stunOnly.port, 'GET /derp')).status).toBe(404);
    const upgrade = 'GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n';
    expect((await askRaw(stunOnly.port, upgrade)).status).toBe(404);
    expect((await ask(stunOnly.port, 'GET /derp/probe')).status).toBe(200);
    expect(stunOnly.relay.snapshot().logins).toEqual({ fast_start: 0, upgrade: 0, websocket: 0 });
  });
});

describe.each(['/derp/probe', '/derp/latency-check'])('%s', (path) => {
  it('answers anybody’s page, to GET and HEAD only', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await ask(server.port, `${method} ${path}`);
      expect(answer.status).toBe(200);
      expect(answer.headers['access-control-allow-origin']).toBe('*');
      expect(answer.body).toBe('');
    }
    expect((await ask(server.port, `POST ${path}`)).status).toBe(405);
  });
});

describe('/generate_204', () => {
  it('answers with nothing, which no cache may keep', async () => {
    const answer = await get('/generate_204');
    expect(answer.status).toBe(204);
    expect(answer.body).toBe('');
    expect(answer.headers['cache-control']).toContain('no-cache');
    expect(answer.headers['cache-control']).toContain('no-store');
    expect(answer.headers['x-tailscale-response']).toBeUndefined();
  });

  it.each(['derp.example.com', 'a', 'AZaz09._:-', 'x'.repeat(64)])('echoes %s', async (challenge) => {
    const answer = await get('/generate_204', `X-Tailscale-Challenge: ${challenge}\r\n`);
    expect(answer.headers['x-tailscale-response']).toBe(`response ${challenge}`);
  });

  it.each(['x'.repeat(65), 'a b', '<script>', 'ä', 'a,b', ''])('does not echo %j', async (challenge) => {
    const answer = await get('/generate_204', `X-Tailscale-Challenge: ${challenge}\r\n`);
    expect(answer.status).toBe(204);
    expect(answer.headers['x-tailscale-response']).toBeUndefined();
  });

  it('does not echo two of them', async () => {
    const answer = await get('/generate_204', 'X-Tailscale-Challenge: a\r\nX-Tailscale-Challenge: b\r\n');
    expect(answer.headers['x-tailscale-response']).toBeUndefined();
  });
});

describe('/', () => {
  it('says DERP, and tells browsers to be careful', async () => {
    const answer = await get('/');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/html/);
    expect(answer.body).toContain('DERP');
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect((await get('/?from=somewhere')).body).toBe(answer.body);
  });

  it('has a head of its own, and takes no POST', async () => {
    const whole = await get('/');
    const head = await ask(server.port, 'HEAD /');
    expect(head.status).toBe(200);
    expect(head.body).toBe('');
    expect(head.headers['content-length']).toBe(String(Buffer.byteLength(whole.body, 'latin1')));
    expect((await ask(server.port, 'POST /')).status).toBe(405);
  });

  it('may be blank, or somewhere else', async () => {
    await using blank = await startTestRelay({ home: 'blank' });
    expect(await ask(blank.port, 'GET /')).toMatchObject({ status: 200, body: '' });
    await using elsewhere = await startTestRelay({ home: { redirect: 'https://example.com/about' } });
    const answer = await ask(elsewhere.port, 'GET /');
    expect(answer.status).toBe(302);
    expect(answer.headers.location).toBe('https://example.com/about');
  });

  it('may be somewhere else in any language', async () => {
    await using elsewhere = await startTestRelay({ home: { redirect: 'https://例子.example/关于?問=1' } });
    const { location } = (await ask(elsewhere.port, 'GET /')).headers;
    expect(location).toBe('https://xn--fsqu00a.example/%E5%85%B3%E4%BA%8E?%E5%95%8F=1');
  });

  it('that cannot be made ends that connection, not the relay', async () => {
    await using broken = await startTestRelay({ home: { redirect: 'no URL at all' } });
    await expect(ask(broken.port, 'GET /')).rejects.toThrow();
    expect(broken.count('internal_errors')).toBe(1);
    expect(broken.log.find(({ level }) => level === 'error')).toMatchObject({ event: 'internal_error' });
    expect((await ask(broken.port, 'GET /robots.txt')).status).toBe(200);
  });
});

describe('other pages', () => {
  it('keep robots away', async () => {
    expect((await get('/robots.txt')).body).toBe('User-agent: *\nDisallow: /\n');
  });

  it.each(['/nothing', '/derp/', '/../etc/passwd', '/%2e%2e', '//', '*', 'http://other.example/'])(
    'are not there: %s',
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );

  it('bootstrap DNS knows no names unless told any', async () => {
    const answer = await get('/bootstrap-dns');
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.body)).toEqual({});
  });

  it('come one after the other on one connection', async () => {
    const one = 'GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n';
    const last = 'GET /generate_204 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const answer = await askRaw(server.port, one + one + last);
    expect(answer.body.match(/Disallow/g)).toHaveLength(2);
    expect(answer.body).toContain('HTTP/1.1 204 No Content');
  });
});

describe('/debug', () => {
  it('shows the counters to this machine', async () => {
    await using client = await logIn(server.port);
    await client.settled();
    const answer = await get('/debug/vars');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    const vars = JSON.parse(answer.body);
    expect(vars).toMatchObject({ clients: 1, public_key: server.relay.publicKey.toString('hex') });
    expect(Object.keys(vars)).toEqual(Object.keys(server.relay.snapshot()));
    expect((await get('/debug')).status).toBe(404);
    expect((await get('/debug/pprof/')).status).toBe(404);
  });

  it.each([
    'X-Forwarded-For: 127.0.0.1',
    'X-Real-IP: 127.0.0.1',
    'Forwarded: for=127.0.0.1',
    'Via: 1.1 proxy',
    'X-Forwarded-For:',
  ])('is refused to requests that came through a proxy: %s', async (header) => {
    expect((await get('/debug/vars', `${header}\r\n`)).status).toBe(403);
    expect((await get('/debug/', `${header}\r\n`)).status).toBe(403);
  });

  it('is for loopback and Tailscale’s addresses, and no others', () => {
    const allowed = ['127.0.0.1', '127.9.9.9', '::1', '100.64.0.0', '100.127.255.255', 'fd7a:115c:a1e0:ab12::1'];
    const refused = [
      '192.0.2.1',
      '10.0.0.1',
      '100.63.255.255',
      '100.128.0.0',
      '128.0.0.1',
      'fd7a:115c:a1e1::1',
      '::2',
      '',
    ];
    expect(allowed.filter((address) => !mayDebug(address, {}))).toEqual([]);
    expect(refused.filter((address) => mayDebug(address, {}))).toEqual([]);
  });
});
