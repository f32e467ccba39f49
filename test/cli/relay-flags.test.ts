import { describe, expect, it } from 'vitest';
import { relayHelp } from '../../src/cli/relay/help.ts';
import { flagSpecs, otherFlags, readRelayFlags } from '../../src/setup/derper-flags/flags.ts';
import { parseGoBool, parseGoDuration, parseGoFlags } from '../../src/setup/derper-flags/go-flags.ts';

describe("Go's command lines", () => {
  const kinds = new Map([
    ['a', 'value'],
    ['stun', 'switch'],
  ] as const);
  const parse = (...argv: string[]) => {
    const { values, problems } = parseGoFlags(argv, kinds);
    return { ...Object.fromEntries(values), problems: problems.map(({ subject }) => subject) };
  };

  it.each([
    [['-a', ':443'], { a: ':443' }],
    [['--a', ':443'], { a: ':443' }],
    [['-a=:443'], { a: ':443' }],
    [['--a=:443', '-stun'], { a: ':443', stun: 'true' }],
    [['-stun=false', '-a', 'x'], { a: 'x', stun: 'false' }],
    [['-a', '-stun'], { a: '-stun' }],
    [['-a=x=y'], { a: 'x=y' }],
    [['-a='], { a: '' }],
    [['-a', '1', '-a', '2'], { a: '2' }],
  ])('%j', (argv, values) => {
    expect(parse(...argv)).toEqual({ ...values, problems: [] });
  });

  it.each([
    [['-a'], ['-a']],
    [
      ['-b', 'x'],
      ['-b', 'x'],
    ],
    [['-stun', 'false'], ['false']],
    [
      ['---a', '-', '--'],
      ['---a', '-', '--'],
    ],
  ])('%j has problems', (argv, problems) => {
    expect(parse(...argv).problems).toEqual(problems);
  });

  it('explains the value behind a switch', () => {
    expect(parseGoFlags(['-stun', 'false'], kinds).problems[0]!.message).toContain('-stun=false');
  });

  it('reads switches and durations in every spelling', () => {
    for (const text of ['1', 't', 'T', 'true', 'TRUE', 'True']) expect(parseGoBool(text)).toBe(true);
    for (const text of ['0', 'f', 'F', 'false', 'FALSE', 'False']) expect(parseGoBool(text)).toBe(false);
    for (const text of ['', 'yes', 'tRUE']) expect(parseGoBool(text)).toBeUndefined();
    expect(['0', '2s', '1m30s', '300ms', '1.5h', '.5s', '2us'].map(parseGoDuration)).toEqual([
      0, 2000, 90_000, 300, 5_400_000, 500, 0.002,
    ]);
    for (const text of ['', '2', '-2s', '2 s', 's', '1m2', '2d']) expect(parseGoDuration(text), text).toBeUndefined();
  });
});

describe("derper's flags", () => {
  it('are read with their meanings', () => {
    const { settings, ignored, problems } = readRelayFlags([
      ...['-a', '[2001:db8::7]:8443', '-http-port=-1', '-stun-port', ':3479', '--stun=true', '-derp=false'],
      ...['-c', '/k', '-certmode', 'manual', '-certdir', '/certs', '-hostname', 'derp.example.com', '-home', 'blank'],
      ...['-bootstrap-dns-names', 'a.example, b.example', '-tcp-write-timeout', '5s', '-tcp-keepalive-time=1m'],
      ...['-accept-connection-limit', '20', '-accept-connection-burst', '40'],
      ...['-verify-clients', '-socket', '/run/ts.sock', '-verify-client-url', 'https://hs.example/verify'],
      ...['-verify-client-url-fail-open=false', '-verify-key-file', '/keys'],
    ]);
    expect({ ignored, problems }).toEqual({ ignored: [], problems: [] });
    expect(settings).toEqual({
      listen: { host: '2001:db8::7', port: 8443 },
      httpPort: -1,
      stunPort: 3479,
      stun: true,
      derp: false,
      keyFile: '/k',
      certMode: 'manual',
      certDir: '/certs',
      hostname: 'derp.example.com',
      home: 'blank',
      bootstrapDnsNames: ['a.example', 'b.example'],
      writeTimeoutMs: 5000,
      tcpKeepAliveMs: 60_000,
      acceptPerSecond: 20,
      acceptBurst: 40,
      verifyClients: true,
      tailscaledSocket: '/run/ts.sock',
      verifyClientUrl: 'https://hs.example/verify',
      verifyClientUrlFailOpen: false,
      verifyKeyFile: '/keys',
    });
  });

  it.each([
    [':8443', null, 8443],
    ['8443', null, 8443],
    ['":8443"', null, 8443],
    [':https', null, 443],
    ['[::]:443', null, 443],
    ['0.0.0.0:443', '0.0.0.0', 443],
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['[::1]:8080', '::1', 8080],
    ['localhost:8080', 'localhost', 8080],
  ])('-a %s', (text, host, port) => {
    expect(readRelayFlags(['-a', text]).settings.listen).toEqual({ host, port });
  });

  it.each([
    ['-a', ':0'],
    ['-a', ':70000'],
    ['-a', '::1:80'],
    ['-a', '80a'],
    ['-a', ''],
    ['-http-port', '0'],
    ['-stun-port', '80a'],
    ['-certmode', 'x'],
    ['-acme-directory', 'http://ca.example/dir'],
    ['-acme-email', 'nobody'],
    ['-acme-eab-kid', 'a b'],
    ['-hostname', 'a b'],
    ['-hostname', ''],
    ['-home', 'x'],
    ['-c', ''],
    ['-bootstrap-dns-names', 'a b'],
    ['-tcp-write-timeout', '2'],
    ['-accept-connection-limit', '0'],
    ['-accept-connection-limit', '-1'],
    ['-accept-connection-limit', 'x'],
    ['-accept-connection-burst', '0'],
    ['-verify-clients', 'yes'],
    ['-socket', ' '],
    ['-socket', `/${'x'.repeat(107)}`],
    ['-verify-client-url', 'hs.example/verify'],
    ['-verify-client-url', 'ftp://hs.example/verify'],
    ['-verify-client-url', 'https://'],
    ['-verify-client-url', `https://hs.example/${'x'.repeat(2048)}`],
    ['-verify-client-url-fail-open', ''],
    ['-verify-key-file', ''],
    ['-nosuch', ''],
  ])('%s %j is refused', (flag, text) => {
    const { problems } = readRelayFlags([`${flag}=${text}`]);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.subject).toContain(flag);
  });

  it.each([
    ['-mesh-psk-file=/x'],
    ['-mesh-with=a,b'],
    ['-secrets-url=x'],
    ['-ace'],
    ['-unpublished-bootstrap-dns-names=x'],
  ])('%s is refused rather than passed over in silence', (word) => {
    const { problems, settings, ignored } = readRelayFlags([word]);
    expect(problems).toHaveLength(1);
    expect({ settings, ignored }).toEqual({ settings: {}, ignored: [] });
  });

  it.each([['-mesh-with='], ['-ace=false']])('%s asks for nothing', (word) => {
    expect(readRelayFlags([word])).toMatchObject({ problems: [], ignored: [], settings: {} });
  });

  it.each([['-tcp-user-timeout=15s'], ['-secrets-cache-dir=/x']])('%s is ignored, and said so', (word) => {
    const { problems, ignored } = readRelayFlags([word]);
    expect(problems).toEqual([]);
    expect(ignored).toEqual([{ flag: word.split('=')[0], reason: expect.any(String) }]);
  });

  it('all have an answer: nothing that derper 1.102 knows is an unknown flag', () => {
    const derper =
      'dev version a http-port stun-port c certmode certdir hostname acme-eab-kid acme-eab-key acme-email acme-ip-certs stun derp ' +
      'home mesh-psk-file mesh-with secrets-url secrets-path-prefix secrets-cache-dir bootstrap-dns-names ' +
      'unpublished-bootstrap-dns-names verify-clients verify-client-url verify-client-url-fail-open socket ' +
      'accept-connection-limit accept-connection-burst rate-config tcp-keepalive-time tcp-user-timeout tcp-write-timeout ace';
    const known = new Set([...Object.values(flagSpecs).map(({ name }) => name), ...Object.keys(otherFlags)]);
    expect(derper.split(' ').filter((name) => !known.has(name))).toEqual([]);
  });

  it('are all in the help', () => {
    const text = relayHelp('derp-relay');
    for (const { name } of Object.values(flagSpecs)) expect(text).toContain(`\n  -${name} `);
    for (const word of ['-h', '-help', '--help']) expect(readRelayFlags([word]).settings.help).toBe(true);
  });
});
