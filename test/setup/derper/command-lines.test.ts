import { describe, expect, it } from 'vitest';
import { readDerperFlags } from '../../../src/setup/derper/arguments.ts';
import { type DerperSettings, readDerperSettings } from '../../../src/setup/derper/settings.ts';
import { bareDerper, words } from './fixtures.ts';

const settingsOf = (line: string, more = {}) => readDerperSettings(bareDerper(line, more));

/** Command lines from guides and images, and what they come to. */
const golden: [string, string, Partial<DerperSettings>][] = [
  [
    'a unit with certificates of nginx',
    '/etc/derper/derper -c /etc/derper/derp.conf -a :12345 -http-port -1 -stun-port 3479 -hostname derp.example.com -certmode manual -certdir /etc/derper/ssl.d',
    {
      hostname: 'derp.example.com',
      listen: { host: null, port: 12_345 },
      tls: true,
      httpPort: -1,
      stunPort: 3479,
      keyFile: '/etc/derper/derp.conf',
      certMode: 'manual',
      certDir: '/etc/derper/ssl.d',
      verifyClients: false,
      others: [],
    },
  ],
  [
    'the image for names',
    '/app/derper --hostname=derp.example.com --certmode=letsencrypt --certdir=/app/certs --a=:443 --stun=true --stun-port=3478 --http-port=80 --verify-clients=true --verify-client-url=',
    {
      hostname: 'derp.example.com',
      listen: { host: null, port: 443 },
      tls: true,
      httpPort: 80,
      stunPort: 3478,
      keyFile: '/var/lib/derper/derper.key',
      certMode: 'letsencrypt',
      certDir: '/app/certs',
      verifyClients: true,
      verifyUrl: undefined,
      others: [],
    },
  ],
  [
    'the image for addresses',
    '/app/derper --hostname=203.0.113.7 --certmode=manual --certdir=/app/certs/ --stun=true --a=12345 --http-port=80 --verify-clients=false',
    { hostname: '203.0.113.7', listen: { host: null, port: 12_345 }, tls: true, certDir: '/app/certs/' },
  ],
  [
    'quotes that a compose file left around the address',
    'derper --hostname=derp.example.com --certmode=manual --a=":8443"',
    { listen: { host: null, port: 8443 } },
  ],
  [
    'behind nginx, in plain HTTP',
    '/usr/local/bin/derper -hostname=derp.example.com -a :30001 -http-port 30001 -stun-port 3478 -verify-clients',
    { tls: false, httpPort: -1, stunPort: 3478, verifyClients: true, listen: { host: null, port: 30_001 } },
  ],
  [
    'on one address, without STUN',
    'derper -a [2001:db8::7]:443 -stun=false -hostname derp.example.com',
    { listen: { host: '2001:db8::7', port: 443 }, tls: true, stunPort: -1 },
  ],
  [
    'nothing said at all',
    'derper',
    {
      hostname: 'derp.tailscale.com',
      listen: { host: null, port: 443 },
      tls: true,
      httpPort: 80,
      stunPort: 3478,
      certDir: '/root/.cache/tailscale/derper-certs',
      certMode: 'letsencrypt',
    },
  ],
  ['development mode', 'derper -dev', { listen: { host: null, port: 3340 }, tls: false, temporaryKey: true }],
  [
    'admission by URL, a mesh, limits',
    'derper -verify-client-url https://hs.example.com/verify -mesh-psk-file /k -mesh-with a.example.com,b.example.com -accept-connection-limit 100 -rate-config /etc/rate.json -derp -ace=false -bootstrap-dns-names=',
    {
      verifyUrl: 'https://hs.example.com/verify',
      failOpen: true,
      meshKeyFile: '/k',
      meshWith: ['a.example.com', 'b.example.com'],
      rateFile: '/etc/rate.json',
      others: ['-accept-connection-limit'],
    },
  ],
  [
    'a home page, an e-mail address, an IP certificate',
    'derper -home=blank -acme-email me@example.com -acme-ip-certs -hostname 203.0.113.7 -verify-client-url-fail-open=false -socket /run/ts.sock',
    { home: 'blank', email: 'me@example.com', ipCertificates: true, failOpen: false, socket: '/run/ts.sock' },
  ],
];

describe('readDerperSettings', () => {
  it.each(golden)('reads %s', (_, line, expected) => {
    expect(settingsOf(line)).toMatchObject(expected);
  });

  it('has no default key file and no default directory for users that have none', () => {
    const settings = settingsOf('derper', { runsAsRoot: false, environment: {} });
    expect(settings.keyFile).toBeUndefined();
    expect(settings.certDir).toBeUndefined();
    expect(settingsOf('derper', { environment: { XDG_CACHE_HOME: '/c', HOME: '/h' } }).certDir).toBe(
      '/c/tailscale/derper-certs',
    );
  });

  it('does not guess ports that cannot be read', () => {
    const settings = settingsOf('derper -a nonsense -http-port x -stun-port 99999 -certmode manual');
    expect(settings).toMatchObject({ listen: undefined, httpPort: undefined, stunPort: undefined });
  });
});

describe('readDerperFlags', () => {
  const flagsOf = (line: string) => Object.fromEntries(readDerperFlags(words(line)));

  it('stops where Go stops: at the first word that is no flag', () => {
    expect(flagsOf('derper -verify-clients true -a :8443')).toEqual({ 'verify-clients': 'true' });
    expect(flagsOf('derper -a :1 -- -a :2')).toEqual({ a: ':1' });
  });

  it('takes the last of each, and values that look like flags', () => {
    expect(flagsOf('derper -a :1 --a=:2 -http-port -1')).toEqual({ a: ':2', 'http-port': '-1' });
    expect(flagsOf('derper -c -a')).toEqual({ c: '-a' });
  });

  it('guesses whether a flag that it does not know has a value', () => {
    expect(flagsOf('derper -new-switch -a :1')).toEqual({ 'new-switch': 'true', a: ':1' });
    expect(flagsOf('derper -new-value 7 -a :1 -other -1')).toEqual({ 'new-value': '7', a: ':1', other: '-1' });
  });
});
