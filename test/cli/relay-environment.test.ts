/** The environment of a derper container, pasted into derp-relay. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { probeRelay } from '../../src/probe/probe.ts';
import { readRelayFlags } from '../../src/setup/derper-flags/flags.ts';
import { temporaryDirectory } from '../temporary.ts';
import { freePorts, run, start } from './run.ts';

describe('variables', () => {
  it('say what flags do not', () => {
    const environment = {
      DERP_DOMAIN: 'derp.example.com',
      DERP_CERT_MODE: 'manual',
      DERP_CERT_DIR: '/app/certs',
      DERP_ADDR: ':443',
      DERP_STUN: 'true',
      DERP_STUN_PORT: '3479',
      DERP_HTTP_PORT: '80',
      DERP_VERIFY_CLIENTS: 'false',
      DERP_VERIFY_CLIENT_URL: '',
    };
    const { settings, problems, ignored } = readRelayFlags(['-a', ':8443', '-stun=false'], environment);
    expect({ problems, ignored }).toEqual({ problems: [], ignored: [] });
    expect(settings).toEqual({
      listen: { host: null, port: 8443 },
      hostname: 'derp.example.com',
      certMode: 'manual',
      certDir: '/app/certs',
      stun: false,
      stunPort: 3479,
      httpPort: 80,
      verifyClients: false,
    });
  });

  it('count by the first name that is set, and may be quoted as in an env file', () => {
    const read = (environment: Record<string, string>) => readRelayFlags([], environment).settings;
    expect(read({ DERP_HOSTNAME: 'b', DERP_DOMAIN: ' ', DERP_HOST: 'c' })).toEqual({ hostname: 'b' });
    expect(read({ DERPER_ADDR: '":8443"', DERP_VERIFY_CLIENTS: "'true'" })).toEqual({
      listen: { host: null, port: 8443 },
      verifyClients: true,
    });
    expect(read({ DERP_RATE_CONFIG: '/rate.json', DERP_TCP_WRITE_TIMEOUT: '5s' })).toEqual({
      rateFile: '/rate.json',
      writeTimeoutMs: 5000,
    });
    expect(read({ DERP_CERTS: '/app/certs/', DERP_HOST: '203.0.113.7' })).toEqual({
      certDir: '/app/certs/',
      certMode: 'manual',
      hostname: '203.0.113.7',
    });
    // A flag says more than what a variable implies.
    const { settings } = readRelayFlags(['-certmode', 'letsencrypt'], { DERP_CERTS: '/app/certs/' });
    expect(settings.certMode).toBe('letsencrypt');
  });

  it('are refused or passed over with the reason, by their own names', () => {
    const { problems, ignored } = readRelayFlags([], {
      DERP_CERT_MODE: 'none',
      DERP_SECRETS_URL: 'https://secrets.example.com',
      DERP_HTTP_PORT: 'eighty',
      DERP_TCP_USER_TIMEOUT: '5s',
      DERP_VERIFY_CLIENT: 'true',
    });
    expect(problems.map(({ subject }) => subject)).toEqual([
      'DERP_HTTP_PORT="eighty"',
      'DERP_CERT_MODE="none"',
      'DERP_SECRETS_URL',
    ]);
    expect(problems[1]!.message).toContain('use one of manual, letsencrypt, gcp');
    expect(ignored).toEqual([
      { flag: 'DERP_VERIFY_CLIENT', reason: 'is not a setting that is known here' },
      { flag: 'DERP_TCP_USER_TIMEOUT', reason: expect.stringContaining('cannot be set from Node') },
    ]);
  });

  it('of other things are none of the relay’s', () => {
    const environment = {
      DERP_SETUP_HOST: 'x',
      DERP_VERSION: '1.102.3',
      DERP_HTTP_PORT: 'tcp://10.96.0.7:80',
      DERP_HELP: 'true',
      PATH: '/bin',
      DERPY: '1',
    };
    const { settings, problems, ignored } = readRelayFlags([], environment);
    expect({ settings, problems }).toEqual({ settings: {}, problems: [] });
    expect(ignored.map(({ flag }) => flag)).toEqual(['DERP_HELP']);
  });
});

describe('derp-relay, with the environment of a container', () => {
  let home: string;
  let ports: { tcp: number; udp: number };
  beforeEach(async () => {
    home = temporaryDirectory();
    ports = await freePorts();
  });

  it('serves with the certificate that the image was given', async () => {
    const certs = join(home, 'certs');
    mkdirSync(certs);
    const { certPem, keyPem, pin } = await makeSelfSignedCertificate('localhost');
    writeFileSync(join(certs, 'localhost.crt'), certPem);
    writeFileSync(join(certs, 'localhost.key'), keyPem);
    const environment = {
      DERP_DOMAIN: 'localhost',
      DERP_CERT_MODE: 'manual',
      DERP_CERT_DIR: certs,
      DERP_ADDR: `127.0.0.1:${ports.tcp}`,
      DERP_STUN: 'true',
      DERP_STUN_PORT: String(ports.udp),
      DERP_HTTP_PORT: '-1',
      DERP_VERIFY_CLIENTS: 'false',
      DERP_VERIFY_CLIENT_URL: '',
      DERP_C: join(home, 'derper.key'),
      DERP_VERFY_CLIENTS: 'true',
    };
    const program = start('derp-relay', [], { home, environment });
    await program.says('"listening"');
    const where = { host: 'localhost', addresses: ['127.0.0.1'], derpPort: ports.tcp, stunPort: ports.udp, pin };
    for await (const check of probeRelay({ ...where, httpPort: -1, packets: 5 }))
      expect(check).toMatchObject({ ok: true });
    expect(program.stderr()).toMatch(/"flag_ignored".*"DERP_VERFY_CLIENTS"/);
    program.child.kill('SIGTERM');
    expect((await program.finished).code).toBe(0);
  });

  it('makes the certificate of a bare address, as the images for those do', async () => {
    const environment = {
      DERP_HOST: '127.0.0.1',
      DERP_CERTS: join(home, 'certs'),
      DERP_ADDR: `127.0.0.1:${ports.tcp}`,
      DERP_STUN: 'false',
      DERP_HTTP_PORT: '-1',
    };
    const program = start('derp-relay', ['-c', join(home, 'derper.key')], { home, environment });
    await program.says('"listening"');
    const pin = /"pin":"(sha256-raw:[0-9a-f]{64})"/.exec(program.stderr())?.[1];
    const where = { host: '127.0.0.1', derpPort: ports.tcp, stunPort: -1, httpPort: -1, packets: 5 };
    for await (const check of probeRelay({ ...where, ...(pin && { pin }) })) expect(check).toMatchObject({ ok: true });
    program.child.kill('SIGTERM');
    expect((await program.finished).code).toBe(0);
  });

  it('says by the variables’ names what it does not do, and starts nothing', async () => {
    const environment = {
      DERP_DOMAIN: 'your-hostname.com',
      DERP_CERT_MODE: 'none',
      DERP_ADDR: `:${ports.tcp}`,
      DERP_SECRETS_URL: 'https://secrets.example.com',
    };
    const { code, stderr } = await run('derp-relay', ['-c', join(home, 'derper.key')], { home, environment });
    expect(code).toBe(2);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringContaining('derp-relay: DERP_CERT_MODE="none" '),
      expect.stringContaining('derp-relay: DERP_SECRETS_URL is not done'),
    ]);
    // A flag in its place is what counts.
    const still = await run('derp-relay', ['-certmode', 'manual', '-secrets-url', ''], { home, environment });
    expect(still.stderr).not.toMatch(/DERP_CERT_MODE|DERP_SECRETS_URL/);
    expect(still.code).toBe(2);
  });
});
