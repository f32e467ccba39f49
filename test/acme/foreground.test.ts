/** A relay in the foreground with a certificate of an authority, by the program as people run it. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readServedChain } from '../../src/setup/status/served-certificate.ts';
import { temporaryDirectory } from '../temporary.ts';
import { exchangePackets } from './support/exchange.ts';
import { freePorts, type Pebble, startPebble } from './support/pebble.ts';
import { derpSetup, startDerpSetup } from './support/run.ts';

let pebble: Pebble;
let home: string;
let environment: Record<string, string>;

beforeAll(async () => {
  pebble = await startPebble();
});
afterAll(() => pebble.stop());
beforeEach(async () => {
  home = temporaryDirectory();
  const bundle = join(home, 'authorities.pem');
  // The one who issues, and the one behind the authority's own server.
  writeFileSync(bundle, (await pebble.issuingRoot()) + pebble.authority);
  environment = { SSL_CERT_FILE: bundle };
});

/** A run whose answer is one JSON document. */
async function setup(...args: string[]) {
  const ports = ['--derp-port', String(pebble.tlsPort), '--http-port', String(pebble.httpPort), '--stun-port', '-1'];
  const own = ['--cert', 'letsencrypt', '--acme-directory', pebble.directoryUrl, '--host', '127.0.0.1', ...ports];
  const run = await derpSetup(['--once', '--json', '--deploy', 'foreground', ...own, ...args], { home, environment });
  return { ...run, document: JSON.parse(run.stdout) };
}

const file = (...path: string[]) => join(home, 'state/derp-setup', ...path);

describe('in the foreground', () => {
  it.each(['http-01', 'tls-alpn-01'])('a certificate is ordered by %s, served, proved, and kept', async (challenge) => {
    const { code, document, stderr } = await setup('--acme-challenge', challenge);
    expect(code, stderr).toBe(0);
    expect(document).toMatchObject({ ok: true, verification: { ok: true }, certificate: { mode: 'letsencrypt' } });
    expect(document.certificate).not.toHaveProperty('pin');
    const certFile = file('etc/derp-setup/certs/127.0.0.1.crt');
    const { fingerprint256, subjectAltName } = new X509Certificate(readFileSync(certFile));
    expect(subjectAltName).toBe('IP Address:127.0.0.1');
    expect(statSync(file('etc/derp-setup/certs/127.0.0.1.key')).mode & 0o777).toBe(0o600);
    expect(statSync(file('var/lib/derp-setup/acme/account.key')).mode & 0o777).toBe(0o600);

    const again = await setup('--acme-challenge', challenge);
    expect(again.code, again.stderr).toBe(0);
    expect(new X509Certificate(readFileSync(certFile)).fingerprint256).toBe(fingerprint256);
    expect(again.document.plan.map(({ kind }: { kind: string }) => kind)).not.toContain('certificate');
  });

  it('the plan says what would be ordered, and a dry run orders nothing', async () => {
    const { code, document, stderr } = await setup('--dry-run');
    expect(code, stderr).toBe(0);
    const step = document.plan.find(({ kind }: { kind: string }) => kind === 'certificate');
    expect(step.details).toEqual([new URL(pebble.directoryUrl).host, 'shortlived', 'http-01']);
    expect(document.certificate.notAfter).toBeNull();
    expect(() => statSync(file())).toThrow();
  });

  it('a port that another program has is named, with the program', async () => {
    const server = createServer().listen(pebble.httpPort);
    try {
      const { code, document } = await setup('--acme-challenge', 'http-01', '--http-port', String(pebble.httpPort));
      expect(code).toBe(2);
      const [problem] = document.problems.filter(({ code: name }: { code: string }) => name === 'no-challenge-port');
      expect(problem.rule).toContain(`port ${pebble.httpPort}`);
      expect(problem.rule).toContain(`pid ${process.pid}`);
    } finally {
      server.close();
    }
  });

  it('an authority that is not there, or none at all, is told before anything is written', async () => {
    const [nobody] = await freePorts(1);
    const gone = await setup('--acme-directory', `https://127.0.0.1:${nobody}/dir`);
    expect(gone.code).toBe(2);
    expect(gone.document.problems[0]).toMatchObject({ flag: '--acme-directory', code: 'authority' });
    expect(gone.document.problems[0].rule).toMatch(/cannot be reached: .*ECONNREFUSED/);
    const wrong = await setup('--acme-directory', pebble.directoryUrl.replace('/dir', '/nonce-plz'));
    expect(wrong.document.problems[0].rule).toMatch(/is no ACME directory/);
    environment = {};
    const untrusted = await setup();
    expect(untrusted.document.problems[0].rule).toMatch(/does not trust/);
    expect(() => statSync(file())).toThrow();
  });
});

describe('while it serves', () => {
  /** Long enough for a busy machine to renew in the third that is left. */
  const SECONDS = 60;

  it('renews by itself, by the port that it has itself, and its clients notice nothing', async () => {
    const short = await startPebble({ profiles: { default: SECONDS, shortlived: SECONDS } });
    const bundle = join(home, 'short.pem');
    const root = await short.issuingRoot();
    writeFileSync(bundle, root + short.authority);
    const ports = ['--derp-port', String(short.tlsPort), '--http-port', String(short.httpPort), '--stun-port', '-1'];
    const args = ['--cert', 'letsencrypt', '--acme-directory', short.directoryUrl, '--host', '127.0.0.1', ...ports];
    const relay = startDerpSetup(['--deploy', 'foreground', '--yes', ...args], {
      home,
      environment: { SSL_CERT_FILE: bundle },
    });
    try {
      const served = async () => (await readServedChain('127.0.0.1', short.tlsPort))?.[0]?.fingerprint256;
      await expect.poll(served, { timeout: 30_000 }).toBeDefined();
      const first = await served();
      const exchange = await exchangePackets('127.0.0.1', root, short.tlsPort);
      try {
        await expect.poll(served, { timeout: SECONDS * 1000, interval: 500 }).not.toBe(first);
        const { ended, sent } = exchange.seen();
        expect(ended).toBeUndefined();
        await expect.poll(() => exchange.seen().received).toBeGreaterThan(sent);
      } finally {
        exchange.close();
      }
    } finally {
      relay.interrupt();
      const { stderr, code } = await relay.finished;
      await short.stop();
      expect(code, stderr).toBe(0);
      expect(stderr).toContain('A new certificate for 127.0.0.1 is served');
    }
  });
});
