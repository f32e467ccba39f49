import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BuildInput, buildRelayConfig } from '../../src/cli/relay/build-config.ts';
import { chooseAdmission } from '../../src/cli/relay/choose-admission.ts';
import { readConfigFields, readConfigFile } from '../../src/cli/relay/config-file.ts';
import { type AdmissionRules, defaultRelayConfig, type RelayConfig } from '../../src/relay/config.ts';
import { readRelayFlags } from '../../src/setup/derper-flags/flags.ts';
import { temporaryDirectory } from '../temporary.ts';

describe('the configuration', () => {
  const build = (argv: string[], changes: Partial<BuildInput> = {}) => {
    const { settings, unusable } = readRelayFlags(argv);
    const { config, problems, ignored, authority } = buildRelayConfig({
      settings,
      unusable,
      file: {},
      environment: { XDG_CACHE_HOME: '/cache' },
      isRoot: true,
      ...changes,
    });
    return { config, authority, ignored, problems: problems.map(({ subject, message }) => `${subject} ${message}`) };
  };

  it('serves TLS with -certmode manual, from files named as derper names them', () => {
    const { config, problems } = build(['-certmode', 'manual', '-certdir', '/certs', '-hostname', '2001:db8::7']);
    expect(problems).toEqual([]);
    expect(config).toMatchObject({
      listen: { host: null, port: 443 },
      certificate: { certFile: '/certs/2001db87.crt', keyFile: '/certs/2001db87.key' },
      hostname: '2001:db8::7',
      httpPort: 80,
      stunPort: 3478,
      keyFile: '/var/lib/derper/derper.key',
    });
    expect(build(['-certmode=manual', '-hostname=a.example']).config.certificate?.certFile).toBe(
      '/cache/tailscale/derper-certs/a.example.crt',
    );
  });

  it('orders a certificate on port 443, as derper does, and keeps it where derper would', () => {
    const { config, problems, authority } = build(['-hostname', 'a.example', '-acme-email', 'root@a.example']);
    expect(problems).toEqual([]);
    expect(config).toMatchObject({
      certificate: { certFile: '/cache/tailscale/derper-certs/a.example.crt' },
      challengeDirectory: '/cache/tailscale/derper-certs/acme',
    });
    expect(authority).toEqual({
      directoryUrl: 'https://acme-v02.api.letsencrypt.org/directory',
      directory: '/cache/tailscale/derper-certs/acme',
      cache: '/cache/tailscale/derper-certs',
      email: 'root@a.example',
    });
    const address = build(['-hostname', '203.0.113.7', '-acme-ip-certs', '-certdir', '/c']);
    expect(address.problems).toEqual([]);
    expect(address.config.certificate?.keyFile).toBe('/c/203.0.113.7.key');
    const eab = ['-acme-eab-kid', 'kid', '-acme-eab-key', 'c2VjcmV0LXNlY3JldC1zZWNyZXQ', '-acme-email', 'a@b.example'];
    const google = build(['-certmode', 'gcp', '-hostname', 'a.example', ...eab]);
    expect(google.problems).toEqual([]);
    expect(google.authority).toMatchObject({
      directoryUrl: 'https://dv.acme-v02.api.pki.goog/directory',
      externalAccount: { keyId: 'kid', macKey: 'c2VjcmV0LXNlY3JldC1zZWNyZXQ' },
    });
  });

  it('serves plain HTTP on other ports, without a second plain port', () => {
    const { config, problems } = build(['-a', '127.0.0.1:8080', '-c', '/k']);
    expect(problems).toEqual([]);
    expect(config).toMatchObject({ certificate: null, httpPort: -1, listen: { host: '127.0.0.1', port: 8080 } });
  });

  it('serves plain HTTP on other ports with certmode letsencrypt too, as derper does, and says so', () => {
    const { config, problems, ignored } = build(['-a', ':8443', '-certmode', 'letsencrypt', '-hostname', 'a.example']);
    expect(problems).toEqual([]);
    expect(config.certificate).toBeNull();
    expect(ignored).toMatchObject([{ flag: '-certmode', reason: expect.stringContaining('plain HTTP is served') }]);
  });

  it('has a key of its own for -dev, and none of the rest', () => {
    const { config, problems } = build(['-dev', '-a', ':443'], { isRoot: false });
    expect(problems).toEqual([]);
    expect(config).toMatchObject({ listen: { host: null, port: 3340 }, certificate: null });
  });

  it('switches STUN off', () => {
    expect(build(['-a=:8080', '-stun=false', '-stun-port=3479']).config.stunPort).toBe(-1);
  });

  it('takes a limit without a burst for one second of it', () => {
    const limit = (...argv: string[]) => build(['-a=:8080', ...argv]).config.acceptLimit;
    expect(limit('-accept-connection-limit=20')).toEqual({ perSecond: 20, burst: 20 });
    expect(limit('-accept-connection-limit=0.5')).toEqual({ perSecond: 0.5, burst: 1 });
    expect(limit('-accept-connection-limit=20', '-accept-connection-burst=99')).toEqual({ perSecond: 20, burst: 99 });
    expect(limit('-accept-connection-limit=+Inf', '-accept-connection-burst=9')).toBeNull();
    expect(limit()).toBeNull();
  });

  it.each([
    [[], {}, ['port 443 needs a certificate']],
    [['-a', ':443'], {}, ['port 443 needs a certificate']],
    [['-certmode', 'manual'], {}, ['-certmode manual needs -hostname']],
    [['-a', ':8080', '-certdir', '/x'], {}, ['-certdir needs -certmode manual']],
    [['-hostname', '203.0.113.7'], {}, ['-hostname 203.0.113.7 is an IP address: -acme-ip-certs orders']],
    [['-hostname', 'a.example', '-acme-ip-certs'], {}, ['-acme-ip-certs is for an IP address']],
    [
      ['-hostname', 'a.example', '-certmode=gcp'],
      {},
      ['-certmode gcp needs -acme-eab-kid', '-certmode gcp needs -acme-eab-key', '-certmode gcp needs -acme-email'],
    ],
    [
      ['-hostname', 'a.example', '-acme-eab-key', 'not a key', '-acme-eab-kid', 'k'],
      {},
      ['-acme-eab-key is not a key'],
    ],
    [['-a', ':8080'], { isRoot: false }, ['-c is missing']],
    [['-certmode=manual', '-hostname=a.example', '-http-port=443'], {}, ['-http-port 443 is the port of -a too']],
    // What cannot be read was complained of already.
    [['-a', 'x'], {}, []],
    [['-certmode', 'nothing'], {}, []],
    [['-certmode', 'manual', '-hostname', 'a b'], {}, []],
  ])('%j %j', (argv, changes, expected) => {
    const { problems } = build(argv, changes);
    expect(problems).toHaveLength(expected.length);
    expected.forEach((start, i) => {
      expect(problems[i]).toContain(start);
    });
  });

  it('takes flags before the file, and the file before the defaults', () => {
    const file: Partial<RelayConfig> = {
      listen: { host: null, port: 9443 },
      certificate: { certFile: '/f.crt', keyFile: '/f.key' },
      hostname: 'file.example',
      keyFile: '/file.key',
      drainMs: 7,
      acceptLimit: { perSecond: 1, burst: 2 },
    };
    expect(build([], { file }).config).toEqual({ ...defaultRelayConfig, ...file });
    expect(build(['-a', ':9444', '-c', '/flag.key', '-http-port', '-1'], { file }).config).toEqual({
      ...defaultRelayConfig,
      ...file,
      listen: { host: null, port: 9444 },
      keyFile: '/flag.key',
      httpPort: -1,
    });
  });
});

describe('who may use the relay', () => {
  const tailscaled = { socket: '/var/run/tailscale/tailscaled.sock' };
  const url = 'https://hs.example/verify';
  const choose = (argv: string[], file?: AdmissionRules | null) => {
    const { settings, problems: bad } = readRelayFlags(argv);
    expect(bad).toEqual([]);
    return chooseAdmission(settings, file);
  };

  it.each<[string[], AdmissionRules | null]>([
    [[], null],
    [['-verify-clients=false', '-socket=', '-verify-client-url='], null],
    [['-verify-clients'], { tailscaled }],
    [['-verify-clients', '-socket='], { tailscaled }],
    [['-verify-clients', '-socket', '/s'], { tailscaled: { socket: '/s' } }],
    [['-verify-client-url', url], { url: { url, failOpen: false } }],
    [['-verify-client-url', url, '-verify-client-url-fail-open'], { url: { url, failOpen: true } }],
    [['-verify-key-file', '/k'], { keyFile: '/k' }],
    [
      ['-verify-clients', '-verify-client-url', url, '-verify-key-file', '/k'],
      { tailscaled, url: { url, failOpen: false }, keyFile: '/k' },
    ],
  ])('by flags alone: %j', (argv, expected) => {
    expect(choose(argv)).toEqual({ admission: expected, problems: [], ignored: [] });
    expect(choose(argv, null)).toEqual({ admission: expected, problems: [], ignored: [] });
  });

  it.each([
    [['-socket', '/s'], '-socket'],
    [['-verify-client-url-fail-open'], '-verify-client-url-fail-open'],
    [['-verify-client-url=', '-verify-client-url-fail-open=true'], '-verify-client-url-fail-open'],
  ])('%j alone does nothing, which is said', (argv, flag) => {
    const { admission, ignored } = choose(argv);
    expect(admission).toBeNull();
    expect(ignored).toEqual([{ flag, reason: expect.stringContaining('has no effect without') }]);
  });

  const file: AdmissionRules = {
    tailscaled: { socket: '/f' },
    url: { url: 'https://f/', failOpen: true },
    keyFile: '/f',
  };

  it.each<[string[], AdmissionRules]>([
    [[], file],
    [['-verify-clients'], file],
    [['-socket', '/s'], { ...file, tailscaled: { socket: '/s' } }],
    [['-verify-clients=false'], { url: file.url!, keyFile: '/f' }],
    // That the file's URL fails open is not said of another.
    [['-verify-client-url', url], { ...file, url: { url, failOpen: false } }],
    [['-verify-client-url-fail-open=false'], { ...file, url: { url: 'https://f/', failOpen: false } }],
    [['-verify-client-url='], { tailscaled: file.tailscaled!, keyFile: '/f' }],
    [['-verify-key-file', '/k'], { ...file, keyFile: '/k' }],
  ])('flags %j count more than the file', (argv, expected) => {
    expect(choose(argv, file)).toEqual({ admission: expected, problems: [], ignored: [] });
  });

  it('is the machine’s own keys too, whichever rules hold, and never them alone', () => {
    const proverKeys = [`nodekey:${'a'.repeat(64)}`];
    for (const argv of [[], ['-verify-clients=false'], ['-verify-client-url', url]]) {
      expect(choose(argv, { ...file, proverKeys }).admission).toMatchObject({ proverKeys });
    }
    const { admission, problems } = choose(['-verify-clients=false'], { tailscaled: { socket: '/f' }, proverKeys });
    expect({ admission, told: problems.length }).toEqual({ admission: null, told: 1 });
  });

  it('is not everybody because flags take away all that the file asks for', () => {
    const { problems } = choose(['-verify-clients=false'], { tailscaled: { socket: '/f' } });
    expect(problems).toEqual([{ subject: 'admission', message: expect.stringContaining('null') }]);
    const built = buildRelayConfig({
      ...readRelayFlags(['-a=:8080', '-verify-clients=false', '-c=/k']),
      file: { admission: { tailscaled: { socket: '/f' } } },
      environment: {},
      isRoot: true,
    });
    expect(built.problems).toEqual(problems);
  });
});

describe('the config file', () => {
  const fields = (json: Record<string, unknown>) => readConfigFields(json, '/etc/relay/config.json');

  it('has the fields of RelayConfig, and paths relative to itself', () => {
    const json = {
      listen: ':8443',
      certificate: { certFile: 'x.crt', keyFile: '/abs/x.key' },
      challengeDirectory: 'acme',
      hostname: 'derp.example.com',
      httpPort: -1,
      stunPort: '":3479"',
      keyFile: 'derper.key',
      derp: true,
      home: { redirect: 'https://example.com/' },
      bootstrapDnsNames: ['a.example'],
      writeTimeoutMs: 0,
      tcpKeepAliveMs: 1000,
      acceptLimit: { perSecond: 0.5, burst: 1 },
      connectionLimits: { total: 1000, perAddress: null, waitingPerAddress: 5 },
      clientRate: { bytesPerSecond: 1000, burstBytes: 5 },
      clientRateFile: 'rate.json',
      proxyProtocolFrom: ['127.0.0.1', '10.0.0.0/8', '2001:db8::/32'],
      forwardedFrom: ['127.0.0.2', '10.0.0.0/8'],
      allowCidr: { ranges: ['192.0.2.0/24'], files: ['allow.txt', '/abs/allow.txt'] },
      denyCidr: ['192.0.2.7', '2001:db8::/32'],
      admission: {
        tailscaled: { socket: 'tailscaled.sock' },
        url: { url: 'https://hs.example/verify', failOpen: true },
        keyFile: 'keys',
      },
      drainMs: 100,
      logLevel: 'debug',
    };
    expect(fields(json)).toEqual({
      problems: [],
      config: {
        ...json,
        listen: { host: null, port: 8443 },
        certificate: { certFile: '/etc/relay/x.crt', keyFile: '/abs/x.key' },
        challengeDirectory: '/etc/relay/acme',
        stunPort: 3479,
        keyFile: '/etc/relay/derper.key',
        clientRateFile: '/etc/relay/rate.json',
        allowCidr: { ranges: ['192.0.2.0/24'], files: ['/etc/relay/allow.txt', '/abs/allow.txt'] },
        denyCidr: { ranges: ['192.0.2.7', '2001:db8::/32'], files: [] },
        admission: {
          ...json.admission,
          tailscaled: { socket: '/etc/relay/tailscaled.sock' },
          keyFile: '/etc/relay/keys',
        },
      },
    });
  });

  it('can be written from the defaults', () => {
    expect(fields({ ...defaultRelayConfig })).toEqual({ config: defaultRelayConfig, problems: [] });
  });

  it('has every flaw of its address lists told, by what is wrong', () => {
    const { problems } = fields({ allowCidr: { ranges: ['192.0.2.1', '192.0.2.7/24', 5], files: ['', 'a'] } });
    expect(problems.map(({ subject, message }) => [subject.replace('/etc/relay/config.json: ', ''), message])).toEqual([
      ['allowCidr.ranges[1]', expect.stringContaining('write 192.0.2.0/24')],
      ['allowCidr.ranges[2]', 'must be a text'],
      ['allowCidr.files[0]', expect.any(String)],
    ]);
  });

  it('may leave tailscaled where it usually is, and a URL closed', () => {
    const admission = { tailscaled: {}, url: { url: 'http://127.0.0.1:8080/verify' } };
    expect(fields({ admission })).toEqual({
      problems: [],
      config: {
        admission: {
          tailscaled: { socket: '/var/run/tailscale/tailscaled.sock' },
          url: { url: 'http://127.0.0.1:8080/verify', failOpen: false },
        },
      },
    });
  });

  it('has every flaw of its admission told', () => {
    const admission = {
      tailscaled: { socket: '', path: '/x' },
      url: { url: 'x', failOpen: 'no', fail_open: true },
      keyFile: '',
      keyfile: '/k',
    };
    const { config, problems } = fields({ admission });
    expect(config).toEqual({});
    expect(problems.map(({ subject }) => subject.replace('/etc/relay/config.json: ', ''))).toEqual([
      'admission.tailscaled.socket',
      'admission.tailscaled.path',
      'admission.url.url',
      'admission.url.failOpen',
      'admission.url.fail_open',
      'admission.keyFile',
      'admission.keyfile',
    ]);
  });

  const bad: Record<string, unknown>[] = [
    { listen: { host: null } },
    { listen: { host: '', port: 1 } },
    { listen: { host: null, port: 1, tls: true } },
    { listen: 0 },
    { certificate: {} },
    { certificate: { certFile: '/x' } },
    { challengeDirectory: '' },
    { challengeDirectory: true },
    { hostname: 'a b' },
    { httpPort: 0 },
    { stunPort: '80a' },
    { keyFile: '' },
    { derp: 'yes' },
    { home: 5 },
    { home: { redirect: 'ftp://x' } },
    { bootstrapDnsNames: 'a' },
    { bootstrapDnsNames: [5] },
    { writeTimeoutMs: -1 },
    { tcpKeepAliveMs: 'x' },
    { acceptLimit: {} },
    { connectionLimits: null },
    { connectionLimits: { total: 0 } },
    { connectionLimits: { perAddress: 1.5 } },
    { connectionLimits: { each: 5 } },
    { acceptLimit: { perSecond: 0, burst: 1 } },
    { clientRate: {} },
    { clientRate: { bytesPerSecond: 0, burstBytes: 1 } },
    { clientRate: { bytesPerSecond: 1.5 } },
    { clientRate: { bytesPerSecond: 1, burst: 1 } },
    { clientRateFile: '' },
    { proxyProtocolFrom: ['10.0.0.0/33'] },
    { forwardedFrom: ['proxy.example'] },
    { forwardedFrom: '127.0.0.2' },
    { proxyProtocolFrom: ['x'] },
    { proxyProtocolFrom: '10.0.0.0/8' },
    { allowCidr: [] },
    { allowCidr: {} },
    { allowCidr: '192.0.2.0/24' },
    { allowCidr: { ranges: '192.0.2.0/24' } },
    { allowCidr: { files: 'allow.txt' } },
    { allowCidr: { files: [''] } },
    { allowCidr: { ranges: [], files: [] } },
    { allowCidr: { ranges: ['192.0.2.1'], file: 'x' } },
    { denyCidr: ['192.0.2.7/24'] },
    { denyCidr: [5] },
    { denyCidr: ['derp.example'] },
    { admission: {} },
    { admission: [] },
    { admission: 'tailscaled' },
    { admission: false },
    { admission: { tailscaled: true } },
    { admission: { tailscaled: null } },
    { admission: { tailscaled: { socket: `/${'x'.repeat(107)}` } } },
    { admission: { url: 'https://hs.example/verify' } },
    { admission: { url: {} } },
    { admission: { url: { url: '' } } },
    { admission: { keyFile: '' } },
    { admission: { keyFile: null } },
    { admission: { everybody: true } },
    { drainMs: 1.5 },
    { logLevel: 'loud' },
    { verifyClients: true },
    { constructor: 1 },
  ];
  it.each(bad)('%j is refused', (json) => {
    expect(fields(json).problems).toHaveLength(1);
  });

  it('must be there, and JSON, and an object', async () => {
    const path = join(temporaryDirectory(), 'relay.json');
    const problemOf = async () => (await readConfigFile(path)).problems.map(({ message }) => message);
    expect(await problemOf()).toEqual(['cannot be read: no such file or directory']);
    writeFileSync(path, '{');
    expect(await problemOf()).toEqual(['is not JSON']);
    writeFileSync(path, '[]');
    expect(await problemOf()).toEqual(['does not hold a JSON object']);
    writeFileSync(path, '{}');
    expect(await problemOf()).toEqual([]);
  });
});
