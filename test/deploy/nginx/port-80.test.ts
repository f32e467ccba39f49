import { describe, expect, it } from 'vitest';
import { NGINX_FILE } from '../../../src/deploy/nginx/own-servers.ts';
import { judgePort80 } from '../../../src/deploy/nginx/port-80.ts';

const HOST = 'derp.example.com';

/** nginx as Debian ships it, with these files in sites-enabled. */
function debian(sites: Record<string, string>, http = '') {
  const main = `user www-data;
include /etc/nginx/modules-enabled/*.conf;
events { worker_connections 768; }
http {
  ${http}
  include /etc/nginx/mime.types;
  include /etc/nginx/conf.d/*.conf;
  include /etc/nginx/sites-enabled/*;
}
`;
  return [
    { path: '/etc/nginx/nginx.conf', text: main },
    ...Object.entries(sites).map(([name, text]) => ({
      path: name.startsWith('/') ? name : `/etc/nginx/sites-enabled/${name}`,
      text,
    })),
  ];
}

const site = (listens: readonly string[], names = 'www.example.com') =>
  `server { ${listens.map((listen) => `listen ${listen};`).join(' ')} server_name ${names}; }\n`;

const listensOf = (...sites: string[]) => {
  const verdict = judgePort80(debian(Object.fromEntries(sites.map((text, at) => [`site${at}`, text]))), HOST);
  return 'listens' in verdict ? verdict.listens : verdict.reason;
};

describe('the addresses on which our server block listens', () => {
  it.each([
    ['all of IPv4', [site(['80 default_server'])], ['80']],
    ['both families', [site(['*:80', '[::]:80 ipv6only=on'])], ['80', '[::]:80']],
    ['IPv6 alone, which may take IPv4 too', [site(['[::]:80 ipv6only=off'])], ['[::]:80']],
    ['single ones', [site(['203.0.113.7:80']), site(['[2001:db8::7]:80'])], ['203.0.113.7:80', '[2001:db8::7]:80']],
    ['each once', [site(['80']), site(['0.0.0.0:80']), site(['80 reuseport'])], ['80']],
    ['those of port 80 alone', [site(['443 ssl', '80', '8080'])], ['80']],
    ['an address without a port', [site(['203.0.113.7'])], ['203.0.113.7:80']],
    ['a block that says nothing', [site([])], ['80']],
  ])('are those of other sites: %s', (_, sites, expected) => {
    expect(listensOf(...sites)).toEqual(expected);
  });

  it.each([
    ['for this machine only', [site(['127.0.0.1:80', '[::1]:80', 'localhost:80'])], 'not-public'],
    ['a unix socket', [site(['unix:/run/web.sock'])], 'not-public'],
    ['other ports only', [site(['443 ssl'])], 'not-public'],
    ['behind another proxy', [site(['80 proxy_protocol']), site(['80'])], 'proxy-protocol'],
  ])('are none: %s', (_, sites, reason) => {
    expect(listensOf(...sites)).toBe(reason);
  });
});

describe('a site of the host’s name', () => {
  const judge = (host: string, names: string, listens = ['80']) =>
    judgePort80(debian({ rival: site(listens, names), other: site(['80']) }), host);
  const rival = { reason: 'same-name', file: '/etc/nginx/sites-enabled/rival' };

  it.each([
    [HOST, `www.example.com ${HOST}`],
    [HOST, 'DERP.Example.com'],
    [HOST, `.${HOST}`],
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8::7', '"[2001:db8::7]"'],
  ])('keeps nginx from looking at ours: %s, %s', (host, names) => {
    expect(judge(host, names)).toEqual(rival);
  });

  it.each(['*.example.com', '~^derp', '_', '.example.com'])('is not one that is only like it: %s', (names) => {
    expect(judge(HOST, names)).toHaveProperty('listens');
  });

  it('does not matter on another port, nor in our own file', () => {
    expect(judge(HOST, HOST, ['443 ssl'])).toHaveProperty('listens');
    const own = { [`/etc/nginx/conf.d/${NGINX_FILE}`]: site(['80'], HOST), other: site(['80']) };
    expect(judgePort80(debian(own), HOST)).toMatchObject({ listens: ['80'] });
  });
});

describe('the place for our file', () => {
  const places = (http: string, more: Record<string, string> = {}) => {
    const files = [
      { path: '/opt/nginx/conf/nginx.conf', text: `events {} http { ${http} server { listen 80 default_server; } }` },
      ...Object.entries(more).map(([path, text]) => ({ path, text })),
    ];
    const verdict = judgePort80(files, HOST);
    return 'places' in verdict ? verdict.places : verdict.reason;
  };

  it('is a folder that the http block includes, one for files of others before others', () => {
    expect(judgePort80(debian({ a: site(['80 default_server']) }), HOST)).toMatchObject({
      places: [`/etc/nginx/conf.d/${NGINX_FILE}`, `/etc/nginx/sites-enabled/${NGINX_FILE}`],
    });
    expect(places('include sites/*; include http.d/*.conf;')).toEqual([
      `/opt/nginx/conf/http.d/${NGINX_FILE}`,
      `/opt/nginx/conf/sites/${NGINX_FILE}`,
    ]);
  });

  it('stays where it is', () => {
    const there = `/opt/nginx/conf/sites/${NGINX_FILE}`;
    expect(places('include sites/*; include http.d/*.conf;', { [there]: 'server { listen 80; }' })).toEqual([
      there,
      `/opt/nginx/conf/http.d/${NGINX_FILE}`,
    ]);
  });

  it('is also one that an included file includes', () => {
    const more = { '/opt/nginx/conf/more.conf': 'include vhosts/*.conf;' };
    expect(places('include more.conf;', more)).toEqual([`/opt/nginx/conf/vhosts/${NGINX_FILE}`]);
  });

  it('is never before the first site where none is named as the default: that one would not be it any more', () => {
    const only = (files: Parameters<typeof judgePort80>[0]) => {
      const verdict = judgePort80(files, HOST);
      return 'places' in verdict ? verdict.places : verdict.reason;
    };
    const [last] = [`/etc/nginx/sites-enabled/${NGINX_FILE}`];
    expect(only(debian({ a: site(['80']) }))).toEqual([last]);
    // Each address has a default of its own.
    expect(only(debian({ a: site(['80 default_server']), b: site(['[::]:80']) }))).toEqual([last]);
    expect(only(debian({ a: site(['80 default_server', '[::]:80 default_server']) }))).toHaveLength(2);
    expect(only(debian({ a: site(['80']), zzz: site(['203.0.113.7:80']) }))).toBe('no-default');
    const before = [{ path: '/n/nginx.conf', text: 'events {} http { server { listen 80; } include conf.d/*.conf; }' }];
    const after = [{ path: '/n/nginx.conf', text: 'events {} http { include conf.d/*.conf; server { listen 80; } }' }];
    expect([only(before), only(after)]).toEqual([[`/n/conf.d/${NGINX_FILE}`], 'no-default']);
  });

  it.each(['', 'include mime.types;', 'include sites/*.vhost;', 'server { include snippets/*.conf; listen 80; }'])(
    'is none where no folder is read in the http block: %s',
    (http) => {
      expect(places(http)).toBe('no-include');
    },
  );
});
