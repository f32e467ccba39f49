import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nginxHttpsConfig } from '../../../src/deploy/nginx/https-config.ts';
import { judgeHttpsPort } from '../../../src/deploy/nginx/https-port.ts';
import { NGINX_HTTPS_FILE } from '../../../src/deploy/nginx/own-servers.ts';

const HOST = 'derp.example.com';

/** An nginx with these files beside one that includes them, and this in nginx.conf itself. */
const files = (sites: readonly string[], main = '') => [
  { path: '/etc/nginx/nginx.conf', text: `events {} http { include conf.d/*.conf; }\n${main}` },
  ...sites.map((text, at) => ({ path: `/etc/nginx/conf.d/site${at}.conf`, text })),
];
const site = (listens: readonly string[], name = 'www.example.com') =>
  `server { ${listens.map((listen) => `listen ${listen};`).join(' ')} server_name ${name}; }\n`;

function judge(sites: readonly string[], { host = HOST, port = 443, hasIpv6 = true, main = '' } = {}) {
  const verdict = judgeHttpsPort(files(sites, main), { host, port, hasIpv6 });
  return 'listens' in verdict ? verdict.listens : verdict.reason;
}

describe('the addresses on which nginx ends TLS for the relay', () => {
  it.each([
    ['all, where nobody else has the port', [site(['80'])], {}, ['443 ssl', '[::]:443 ssl']],
    ['those of IPv4, on a machine without IPv6', [], { hasIpv6: false }, ['443 ssl']],
    ['another port', [site(['443 ssl'])], { port: 8443 }, ['8443 ssl', '[::]:8443 ssl']],
    ['those of other sites', [site(['443 ssl default_server', '[::]:443 ssl'])], {}, ['443 ssl', '[::]:443 ssl']],
    ['as others say it', [site(['443 ssl http2']), site(['443 ssl'])], {}, ['443 ssl http2']],
    ['single ones', [site(['203.0.113.7:443 ssl'])], {}, ['203.0.113.7:443 ssl']],
    ['of TCP only', [site(['443 ssl', '443 quic reuseport'])], {}, ['443 ssl']],
    ['all, also for an address as the only host', [site(['80'])], { host: '203.0.113.7' }, ['443 ssl', '[::]:443 ssl']],
  ])('are %s', (_, sites, options, expected) => {
    expect(judge(sites, options)).toEqual(expected);
  });

  it.each([
    ['has an address beside others', [site(['443 ssl'])], { host: '203.0.113.7' }, 'no-name'],
    ['has the name of a site', [site(['443 ssl'], HOST)], {}, 'same-name'],
    ['is where others speak plain HTTP', [site(['443'])], {}, 'no-tls'],
    ['is behind another proxy', [site(['443 ssl proxy_protocol'])], {}, 'proxy-protocol'],
    ['is a stream server’s', [], { main: 'stream { server { listen 443; } }' }, 'own-stream'],
  ])('are none where it %s', (_, sites, options, reason) => {
    expect(judge(sites, options)).toBe(reason);
  });

  it('are not our own, which is written anew', () => {
    const own = { path: `/etc/nginx/conf.d/${NGINX_HTTPS_FILE}`, text: site(['443 ssl'], HOST) };
    const verdict = judgeHttpsPort([...files([site(['443 ssl'])]), own], { host: HOST, port: 443, hasIpv6: true });
    expect(verdict).toEqual({ places: [own.path], listens: ['443 ssl'] });
  });

  it('are none where no folder is read', () => {
    const bare = [{ path: '/etc/nginx/nginx.conf', text: 'events {} http { server { listen 443 ssl; } }' }];
    expect(judgeHttpsPort(bare, { host: HOST, port: 443, hasIpv6: true })).toEqual({ reason: 'no-include' });
  });
});

describe('the file by which nginx ends TLS', () => {
  const template = readFileSync(join(import.meta.dirname, '../../../templates/nginx-https.conf'), 'utf8');

  it.each([
    ['name', { host: HOST, listens: ['443 ssl http2', '[::]:443 ssl'] }],
    ['ipv6', { host: '2001:db8::7', listens: ['8443 ssl'] }],
  ])('is written for a host that is a %s', async (kind, input) => {
    const text = nginxHttpsConfig(
      { 'nginx-https.conf': template },
      {
        ...input,
        relayPort: 8443,
        proxyFrom: '127.0.0.2',
        certFile: '/etc/derp-setup/certs/derp.crt',
        keyFile: '/etc/derp-setup/certs/derp.key',
      },
    );
    await expect(text).toMatchFileSnapshot(`../golden/nginx-https.${kind}.conf`);
  });
});
