/** How an nginx's configuration is changed so that the relay shares its port: texts in, texts out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Bypass, type BypassInput, planBypass } from '../../../src/deploy/nginx/bypass.ts';
import type { SourceFile } from '../../../src/deploy/nginx/sites.ts';
import type { NginxTemplates } from '../../../src/deploy/nginx/stream-files.ts';

const templates = Object.fromEntries(
  ['nginx-stream.conf', 'nginx-stream-server.conf', 'nginx-sites.conf'].map((name) => [
    name,
    readFileSync(join(import.meta.dirname, '../../../templates', name), 'utf8'),
  ]),
) as unknown as NginxTemplates;

const DEBIAN_MAIN = `user www-data;
pid /run/nginx.pid;
include /etc/nginx/modules-enabled/*.conf;

events {
	worker_connections 768;
}

http {
	include /etc/nginx/mime.types;
	include /etc/nginx/conf.d/*.conf;
	include /etc/nginx/sites-enabled/*;
}
`;
const LOAD_STREAM = 'load_module modules/ngx_stream_module.so;\n';

const source = (path: string, text: string, more: Partial<SourceFile> = {}): SourceFile => ({
  path,
  realPath: path,
  text,
  current: text,
  ...more,
});
const site = (name: string, listens: string, more = '') =>
  `server {\n${listens
    .split(';')
    .filter(Boolean)
    .map((each) => `    listen ${each.trim()};\n`)
    .join('')}    server_name ${name};\n${more}}\n`;

const DIRECTORIES = ['modules-enabled', 'conf.d', 'sites-enabled'].map((name) => `/etc/nginx/${name}`);

/** A Debian with these sites. */
function input(sites: Record<string, string>, changes: Partial<BypassInput> = {}, main = DEBIAN_MAIN): BypassInput {
  return {
    host: 'derp.example.com',
    port: 443,
    relayPort: 8443,
    sitesPort: 8444,
    build: {
      version: '1.22.1',
      arguments: ['--with-stream=dynamic', '--with-stream_ssl_preread_module', '--with-http_realip_module'],
      modulesPath: '/usr/lib/nginx/modules',
      hasStreamFile: true,
    },
    files: [
      source('/etc/nginx/nginx.conf', main),
      source('/etc/nginx/modules-enabled/50-mod-stream.conf', LOAD_STREAM),
      ...Object.entries(sites).map(([name, text]) => source(`/etc/nginx/sites-enabled/${name}`, text)),
    ],
    directories: new Set(DIRECTORIES),
    osId: 'debian',
    templates,
    ...changes,
  };
}

function edits(given: BypassInput): Bypass {
  const plan = planBypass(given);
  if (plan.kind !== 'edits') throw new Error(JSON.stringify(plan));
  return plan.bypass;
}

/** The codes of what is in the way. */
function codes(given: BypassInput): string[] {
  const plan = planBypass(given);
  return plan.kind === 'obstacles' ? plan.obstacles.map(({ code }) => code) : [plan.kind];
}

const A = site('a.example', '443 ssl default_server;[::]:443 ssl default_server');
const B = site('b.example', '443 ssl http2');

describe('the sites', () => {
  it('move to a loopback address of each family, with what is theirs', () => {
    const { edits: made } = edits(input({ a: A, b: B }));
    expect(made.map(({ path }) => path)).toEqual(['/etc/nginx/sites-enabled/a', '/etc/nginx/sites-enabled/b']);
    expect(made[0]!.edited).toBe(
      A.replace(
        'listen 443 ssl default_server;',
        'listen 127.0.0.1:8444 ssl default_server proxy_protocol; include /etc/nginx/derp-setup-sites.conf;',
      ).replace('listen [::]:443 ssl default_server;', 'listen 127.0.0.6:8444 ssl default_server proxy_protocol;'),
    );
    expect(made[1]!.edited).toContain('listen 127.0.0.1:8444 ssl http2 proxy_protocol; include');
    expect(made[0]!.original).toBe(A);
  });

  it('keep comments, QUIC, port 80 and what else stands beside', () => {
    const text = 'server { listen 80; listen 443 quic reuseport; listen 443 ssl; # mine\n  server_name c.example; }';
    const { edits: made } = edits(input({ c: text }));
    expect(made[0]!.edited).toBe(
      text.replace(
        'listen 443 ssl;',
        'listen 127.0.0.1:8444 ssl proxy_protocol; include /etc/nginx/derp-setup-sites.conf;',
      ),
    );
  });

  it('are edited once in a file that has two names', () => {
    const real = '/etc/nginx/sites-available/a';
    const given = input({});
    given.files = [
      ...given.files,
      source('/etc/nginx/sites-enabled/a', A, { realPath: real }),
      source('/etc/nginx/sites-enabled/z', A.replace('', ''), { realPath: real }),
    ];
    const { edits: made } = edits(given);
    expect(made.map(({ path }) => path)).toEqual([real]);
    expect(made[0]!.edited.match(/include/g)).toHaveLength(1);
  });

  it('are found in a snippet that their servers include', () => {
    const main = DEBIAN_MAIN.replace(
      'http {',
      'http {\n  server { include snippets/tls.conf; server_name d.example; }',
    );
    const given = input({}, {}, main);
    given.files = [...given.files, source('/etc/nginx/snippets/tls.conf', 'listen 443 ssl;\n')];
    expect(edits(given).edits.map(({ path, edited }) => [path, edited.slice(0, 21)])).toEqual([
      ['/etc/nginx/snippets/tls.conf', 'listen 127.0.0.1:8444'],
    ]);
  });

  it('keep the port in their redirects out of sight, unless one of them says otherwise', () => {
    const sitesFile = (given: BypassInput) =>
      edits(given).files.find(({ path }) => path.endsWith('sites.conf'))?.content;
    expect(sitesFile(input({ b: B }))).toContain('\nport_in_redirect off;\n');
    const own = site('b.example', '443 ssl', '    port_in_redirect on;\n');
    expect(sitesFile(input({ b: own }))).not.toContain('port_in_redirect off');
  });

  it('are asked by each of their names, and without one', () => {
    const wild = site('*.w.example w.example ~^x _', '443 ssl');
    expect(edits(input({ a: A, w: wild })).sites).toEqual([
      { address: '127.0.0.1', port: 443 },
      { address: '::1', port: 443 },
      { name: 'a.example', address: '127.0.0.1', port: 443 },
      { name: 'a.example', address: '::1', port: 443 },
      { name: 'www.w.example', address: '127.0.0.1', port: 443 },
      { name: 'w.example', address: '127.0.0.1', port: 443 },
    ]);
    // Those who name none get the relay then.
    expect(edits(input({ b: B }, { host: '203.0.113.7' })).sites).toEqual([
      { name: 'b.example', address: '127.0.0.1', port: 443 },
    ]);
  });
});

describe('the stream server', () => {
  const streamFile = (given: BypassInput) => edits(given).files.find(({ path }) => path.endsWith('stream.conf'))!;

  it.each([
    ['name', { host: 'derp.example.com' }],
    ['ipv4', { host: '203.0.113.7' }],
    ['ipv6', { host: '2001:db8::7', port: 8443, relayPort: 9001, sitesPort: 9002 }],
  ] as [string, Partial<BypassInput>][])('of a host that is a %s', async (kind, changes) => {
    const sites = { a: A.replaceAll('443', String(changes.port ?? 443)) };
    const { path, content } = streamFile(input(sites, changes));
    expect(path).toBe('/etc/nginx/modules-enabled/derp-setup-stream.conf');
    await expect(content).toMatchFileSnapshot(`../golden/nginx-stream.${kind}.conf`);
  });

  it('listens only where sites did, on addresses of their own too', () => {
    const { content } = streamFile(input({ b: site('b.example', '203.0.113.9:443 ssl backlog=100') }));
    expect(content.match(/^ +listen .*/gm)?.map((line) => line.trim())).toEqual([
      'listen 203.0.113.9:443 backlog=100 so_keepalive=on;',
    ]);
    expect(content).toContain('default 127.0.0.11:8444;');
  });

  it('is read by a line of its own where no folder is', () => {
    const main = `${DEBIAN_MAIN.replace(/^include .*modules.*\n/m, LOAD_STREAM)}# end`;
    const planned = edits(input({ b: B }, {}, main));
    expect(planned.files[1]!.path).toBe('/etc/nginx/derp-setup-stream.conf');
    expect(planned.edits[0]!.edited).toBe(`${main}\ninclude /etc/nginx/derp-setup-stream.conf;\n`);
  });

  it('goes into a stream block that is there', () => {
    const main = `${DEBIAN_MAIN}stream {\n    server { listen 5432; proxy_pass db:5432; }\n}\n`;
    const planned = edits(input({ b: B }, {}, main));
    expect(planned.files[1]!.content).not.toContain('stream {');
    expect(planned.edits[0]!.edited).toBe(main.replace(/\}\n$/, '    include /etc/nginx/derp-setup-stream.conf;\n}\n'));
  });

  it('goes into the folder that a stream block includes', () => {
    const main = `${DEBIAN_MAIN}stream { include stream.d/*.conf; }\n`;
    const planned = edits(input({ b: B }, { directories: new Set([...DIRECTORIES, '/etc/nginx/stream.d']) }, main));
    expect(planned.files[1]!.path).toBe('/etc/nginx/stream.d/derp-setup-stream.conf');
    expect(planned.edits.map(({ path }) => path)).toEqual(['/etc/nginx/sites-enabled/b']);
  });

  it("stays out of the distribution's folders", () => {
    const main = DEBIAN_MAIN.replace('/etc/nginx/modules-enabled/*.conf', '/usr/share/nginx/modules/*.conf');
    const given = input({ b: B }, { directories: new Set([...DIRECTORIES, '/usr/share/nginx/modules']) }, main);
    given.files = [...given.files, source('/usr/share/nginx/modules/mod-stream.conf', LOAD_STREAM)];
    expect(edits(given).files[1]!.path).toBe('/etc/nginx/derp-setup-stream.conf');
  });
});

describe('what is worth a word', () => {
  it('few connections, and uses of $server_port', () => {
    const text = site('b.example', '443 ssl', '    fastcgi_param SERVER_PORT $server_port;\n');
    expect(edits(input({ b: text }))).toMatchObject({
      fewConnections: 768,
      serverPortUses: [{ file: '/etc/nginx/sites-enabled/b', line: 4 }],
    });
    const many = edits(input({ b: B }, {}, DEBIAN_MAIN.replace('768', '8192')));
    expect(many.fewConnections).toBeUndefined();
    expect(many.serverPortUses).toEqual([]);
  });
});

describe('what is in the way', () => {
  const build = (changes: Partial<BypassInput['build']>) => ({ build: { ...input({}).build, ...changes } });
  const withBlock = (text: string) => input({ b: B }, {}, DEBIAN_MAIN + text);

  it.each<[string, BypassInput, string[]]>([
    ['no site on the port', input({ b: site('b.example', '80') }), ['nginx-port-unused']],
    ['an old nginx', input({ b: B }, build({ version: '1.10.3' })), ['nginx-too-old']],
    ['no ssl_preread', input({ b: B }, build({ arguments: ['--with-http_realip_module'] })), ['nginx-no-stream']],
    [
      'no realip',
      input({ b: B }, build({ arguments: ['--with-stream', '--with-stream_ssl_preread_module'] })),
      ['nginx-no-real-ip'],
    ],
    ['a host name in listen', input({ b: site('b.example', 'localhost:443 ssl') }), ['nginx-odd-listen']],
    ['a range of ports', input({ b: site('b.example', '440-445 ssl') }), ['nginx-odd-listen']],
    ['a proxy before', input({ b: site('b.example', '443 ssl proxy_protocol') }), ['nginx-odd-listen']],
    ['a site of our name', input({ b: site('DERP.example.com', '443 ssl') }), ['nginx-name-taken']],
    ['a CDN for one site', input({ b: site('b.example', '443 ssl', ' real_ip_header X;\n') }), ['nginx-real-ip']],
    [
      'a CDN for a place in it',
      input({ b: site('b.example', '443 ssl', ' location / { set_real_ip_from 10.0.0.0/8; }\n') }),
      ['nginx-real-ip'],
    ],
    [
      'a CDN for all',
      input({ b: B }, {}, DEBIAN_MAIN.replace('http {', 'http {\nset_real_ip_from 10.0.0.0/8;')),
      ['nginx-real-ip'],
    ],
    ['an address of a family without sites', input({ b: B }, { host: '2001:db8::7' }), ['nginx-family']],
    ['a generated file', input({ b: `# Do not edit this file\n${B}` }), ['nginx-generated']],
    ['Lua in the file', input({ b: `${B}init_by_lua_block { }` }), ['nginx-file']],
    ['a stream server', withBlock('stream { server { listen 443; proxy_pass x; } }'), ['nginx-own-stream']],
    ['what is no configuration', withBlock('}'), ['nginx-unread']],
    [
      'several things',
      input({ b: site('derp.example.com', 'localhost:443 ssl', ' real_ip_header X;\n') }, build({ arguments: [] })),
      ['nginx-no-stream', 'nginx-no-real-ip', 'nginx-odd-listen', 'nginx-name-taken', 'nginx-real-ip'],
    ],
  ])('%s', (_, given, expected) => {
    expect(codes(given)).toEqual(expected);
  });

  it.each(['not-utf8', 'hard-link', 'not-writable'] as const)('a file that is %s', (unfit) => {
    const given = input({ b: B });
    given.files = given.files.map((file) => ({ ...file, unfit }));
    expect(codes(given)).toEqual(['nginx-file']);
  });

  it.each([
    ['debian', true, { state: 'not-loaded', package: 'apt install libnginx-mod-stream' }],
    ['rocky', false, { state: 'absent', package: 'dnf install nginx-mod-stream' }],
    ['alpine', false, { state: 'absent', package: 'apk add nginx-mod-stream' }],
    ['gentoo', false, { state: 'absent', package: undefined }],
  ])('the stream module of %s', (osId, hasStreamFile, expected) => {
    const given = input({ b: B }, { osId, ...build({ hasStreamFile }) });
    given.files = given.files.filter(({ path }) => !path.includes('mod-stream'));
    expect(planBypass(given)).toMatchObject({ obstacles: [{ code: 'nginx-no-stream', ...expected }] });
  });

  it('leaves what a person could write', () => {
    const plan = planBypass(input({ b: `# Ansible managed\n${B}` }));
    expect(plan).toMatchObject({ kind: 'obstacles', byHand: { edits: [{ path: '/etc/nginx/sites-enabled/b' }] } });
  });

  it('is nothing of what Debian and certbot write, nor of a site elsewhere that has a CDN', () => {
    const text = `# Self signed certs generated by the ssl-cert package\n${B.replace('ssl http2;', 'ssl; # managed by Certbot')}`;
    const other = site('c.example', '80', ' real_ip_header X-Forwarded-For;\n');
    expect(codes(input({ b: text, c: other }))).toEqual(['edits']);
  });
});

describe("somebody's own stream server", () => {
  const PROXY = 'proxy_protocol on; proxy_bind 127.0.0.2;';
  const stream = (map: string, server = PROXY, more = '') =>
    input(
      { b: site('b.example', '127.0.0.1:8444 ssl proxy_protocol') },
      {},
      `${DEBIAN_MAIN}stream { ${more} map $ssl_preread_server_name $to { default web; ${map} } server { listen 443; ssl_preread on; proxy_pass $to; ${server} } }`,
    );

  it.each([
    [stream('derp.example.com 127.0.0.1:8443;'), 8443],
    [stream('Derp.Example.com localhost:9443;'), 9443],
    [stream('derp.example.com relay;', PROXY, 'upstream relay { server 127.0.0.1:7443; }'), 7443],
  ])('that leads to the relay is left alone', (given, relayPort) => {
    expect(planBypass(given)).toEqual({ kind: 'by-hand', route: { relayPort } });
  });

  it.each([
    ['without our name', stream('other.example 127.0.0.1:8443;')],
    ['to another machine', stream('derp.example.com 192.0.2.1:8443;')],
    ['that does not say where clients come from', stream('derp.example.com 127.0.0.1:8443;', '')],
    [
      'that says so from an address that is not its own',
      stream('derp.example.com 127.0.0.1:8443;', 'proxy_protocol on;'),
    ],
  ])('%s is in the way', (_, given) => {
    expect(codes(given)).toEqual(['nginx-own-stream']);
  });

  it('of an address needs the empty name', () => {
    const given = stream('"" 127.0.0.1:8443;');
    expect(planBypass({ ...given, host: '203.0.113.7' })).toMatchObject({ kind: 'by-hand' });
    expect(codes(given)).toEqual(['nginx-own-stream']);
  });
});
