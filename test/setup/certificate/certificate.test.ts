import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../../src/cert/self-signed.ts';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import {
  chooseManualCertificate,
  chooseSelfSignedCertificate,
  type MadeCertificates,
} from '../../../src/setup/certificate/certificate.ts';
import { nextPaths } from '../../../src/setup/certificate/next.ts';
import { isPubliclyTrusted, parseChain } from '../../../src/setup/certificate/pair.ts';
import { temporaryDirectory, treeOf } from '../../temporary.ts';
import { makeChain, type TestChain } from './authority.ts';

const now = new Date();
const inDays = (days: number) => new Date(now.getTime() + days * 24 * 3600 * 1000);
const host = 'derp.example.com';

let chain: TestChain;
beforeAll(async () => {
  chain = await makeChain({ type: 'dns', value: host });
});

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});

/** Writes a pair and judges it; the codes of the problems, each with the flag it is blamed on. */
async function judge(
  cert: string | undefined,
  key: string | undefined,
  { name = host, at = now, environment = {} } = {},
) {
  const certFile = join(directory, 'my.crt');
  const keyFile = join(directory, 'my.key');
  if (cert !== undefined) writeFileSync(certFile, cert);
  if (key !== undefined) writeFileSync(keyFile, key);
  const choice = await chooseManualCertificate(
    { host: name, certFile, keyFile },
    {},
    { environment, now: at, copied: false, layout: layoutBelow(directory) },
  );
  return { ...choice, codes: choice.problems.map(({ flag, rule }) => `${flag} ${rule.code}`) };
}

describe('chooseManualCertificate', () => {
  it('takes a chain and its key, where they are', async () => {
    const { certificate, notAfter, codes } = await judge(chain.leaf + chain.intermediate, chain.key);
    expect(codes).toEqual([]);
    expect(certificate).toMatchObject({ certFile: join(directory, 'my.crt'), keyFile: join(directory, 'my.key') });
    expect(certificate).not.toHaveProperty('pin');
    expect(notAfter!.getTime()).toBeGreaterThan(inDays(59).getTime());
  });

  it('says so when no public authority stands behind it, and checks it by its own chain', async () => {
    const { certificate, notes } = await judge(chain.leaf + chain.intermediate + chain.root, chain.key);
    expect(notes).toEqual([{ code: 'private-authority', file: join(directory, 'my.crt') }]);
    expect(certificate?.extraCa).toContain(chain.root.trim());
  });

  it('checks it by the authorities of this machine too, where Go programs look for them', async () => {
    const environment = { SSL_CERT_FILE: join(directory, 'ca.pem') };
    writeFileSync(environment.SSL_CERT_FILE, chain.root);
    const { certificate } = await judge(chain.leaf + chain.intermediate, chain.key, { environment });
    expect(certificate?.extraCa).toContain(chain.root.trim());
    // The leaf itself is never among those that are trusted: it would do without its intermediate then.
    expect(certificate?.extraCa).toContain(chain.intermediate.trim());
    expect(certificate?.extraCa).not.toContain(chain.leaf.trim());
    const none = { environment: { SSL_CERT_FILE: '/nonexistent' } };
    const alone = await judge(chain.leaf + chain.intermediate, chain.key, none);
    expect(alone.certificate?.extraCa).not.toContain(chain.root.trim());
  });

  it('pins a self-signed one', async () => {
    const own = await makeSelfSignedCertificate(host);
    const { certificate, notes } = await judge(own.certPem, own.keyPem);
    expect(certificate?.pin).toBe(own.pin);
    expect(notes).toEqual([]);
  });

  it('covers addresses, IPv6 in any spelling', async () => {
    const own = await makeSelfSignedCertificate('2001:db8::7');
    expect((await judge(own.certPem, own.keyPem, { name: '2001:db8::7' })).codes).toEqual([]);
    expect((await judge(own.certPem, own.keyPem, { name: '2001:db8::8' })).codes).toEqual([
      '--cert-file host-not-covered',
    ]);
  });

  it('refuses one for another name, and says which names it has', async () => {
    const { problems } = await judge(chain.leaf, chain.key, { name: 'other.example.com' });
    expect(problems).toEqual([
      expect.objectContaining({
        subject: '--cert-file',
        rule: { code: 'host-not-covered', host: 'other.example.com', names: `DNS:${host}` },
      }),
    ]);
  });

  it.each([
    ['ended', -90, 'expired'],
    ['not begun', 90, 'not-yet-valid'],
  ])('refuses one that has %s', async (_, shift, code) => {
    expect((await judge(chain.leaf, chain.key, { at: inDays(-shift) })).codes).toEqual([`--cert-file ${code}`]);
  });

  it('takes a bundle in any order, with what does not belong to it, and serves it in order', async () => {
    const other = await makeChain({ type: 'dns', value: 'other.example.com' });
    const both = (chain.leaf + chain.intermediate).trim();
    for (const bundle of [
      chain.intermediate + chain.leaf,
      chain.intermediate + other.root + chain.leaf,
      other.leaf + other.intermediate + chain.leaf + chain.intermediate,
    ]) {
      const { certificate, codes } = await judge(bundle, chain.key);
      expect(codes).toEqual([]);
      // A copy: the files themselves are somebody else's.
      expect(certificate?.create?.certPem.trim()).toBe(both);
      expect(certificate?.certFile).toBe(layoutBelow(directory).certificate(host));
    }
    const { certificate } = await judge(both, chain.key);
    expect(certificate).not.toHaveProperty('create');
  });

  it('refuses a chain of which nothing belongs to the certificate', async () => {
    const { problems } = await judge(chain.leaf + chain.root, chain.key);
    expect(problems[0]?.rule).toEqual({ code: 'chain-order', position: 2 });
  });

  it('says when the chain is cut off behind the certificate', async () => {
    const environment = { SSL_CERT_FILE: '/nonexistent' };
    expect((await judge(chain.leaf, chain.key, { environment })).notes).toEqual([
      { code: 'chain-incomplete', file: join(directory, 'my.crt'), issuer: 'CN=Test Intermediate' },
    ]);
  });

  it.each(['pkcs1', 'sec1'] as const)('takes a key in %s form', async (type) => {
    const own = await makeSelfSignedCertificate(host);
    if (type === 'sec1') {
      const key = createPrivateKey(own.keyPem).export({ type, format: 'pem' }) as string;
      expect(key).toContain('BEGIN EC PRIVATE KEY');
      expect((await judge(own.certPem, key)).codes).toEqual([]);
      return;
    }
    const files = { cert: join(directory, 'rsa.crt'), key: join(directory, 'rsa.key') };
    const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:*.example.com`, '-days', '30'];
    const out = ['-keyout', files.key, '-out', files.cert, '-nodes', '-newkey', 'rsa:2048'];
    execFileSync('openssl', ['req', '-x509', ...subject, ...out], { stdio: 'ignore' });
    const key = createPrivateKey(readFileSync(files.key)).export({ type, format: 'pem' }) as string;
    expect(key).toContain('BEGIN RSA PRIVATE KEY');
    // And with it a wildcard certificate.
    expect((await judge(readFileSync(files.cert, 'utf8'), key, { at: inDays(1) })).codes).toEqual([]);
  });

  it.each([
    ['certbot', 'fullchain.pem', 'privkey.pem'],
    ['acme.sh', 'fullchain.cer', `${host}.key`],
    ['Caddy', `${host}.crt`, `${host}.key`],
  ])('finds both files in a directory of %s', async (_, certName, keyName) => {
    const folder = join(directory, host);
    mkdirSync(folder);
    writeFileSync(join(folder, certName), chain.leaf + chain.intermediate);
    writeFileSync(join(folder, keyName), chain.key);
    const use = { environment: {}, now, copied: true };
    const choice = await chooseManualCertificate({ host, certFile: folder, keyFile: undefined }, {}, use);
    expect(choice.problems).toEqual([]);
    expect(choice.certificate).toMatchObject({ certFile: join(folder, certName), keyFile: join(folder, keyName) });
  });

  it('finds the key in the file of the chain, and says what is missing where it is not', async () => {
    const certFile = join(directory, 'all.pem');
    const use = { environment: {}, now, copied: true, layout: layoutBelow(directory) };
    const choose = () => chooseManualCertificate({ host, certFile, keyFile: undefined }, {}, use);
    writeFileSync(certFile, chain.key + chain.leaf + chain.intermediate);
    const { certificate, problems } = await choose();
    expect(problems).toEqual([]);
    expect(certificate?.create?.certPem).not.toContain('PRIVATE KEY');
    expect(certificate?.create?.keyPem.trim()).toBe(chain.key.trim());
    writeFileSync(certFile, chain.leaf + chain.intermediate);
    expect((await choose()).problems).toEqual([
      expect.objectContaining({ flag: '--cert-file', rule: { code: 'needs', flags: ['--key-file'] } }),
    ]);
    const nothing = { host, certFile: directory, keyFile: undefined };
    expect((await chooseManualCertificate(nothing, {}, use)).problems[0]?.rule.code).toBe('no-chain-in-directory');
  });

  it("refuses another pair's key", async () => {
    const other = await makeChain({ type: 'dns', value: host });
    expect((await judge(chain.leaf, other.key)).codes).toEqual(['--key-file key-mismatch']);
  });

  it('names both files when both are bad, and each by its own rule', async () => {
    expect((await judge(undefined, undefined)).codes).toEqual(['--cert-file file', '--key-file file']);
    expect((await judge('', 'nonsense')).codes).toEqual([
      '--cert-file not-a-certificate',
      '--key-file not-a-private-key',
    ]);
    expect((await judge(chain.key, chain.leaf)).codes).toEqual([
      '--cert-file not-a-certificate',
      '--key-file not-a-private-key',
    ]);
  });

  it('never takes a file that was cut short, wherever the cut is', async () => {
    const both = chain.leaf + chain.intermediate;
    for (const share of [0.1, 0.3, 0.5, 0.6, 0.8, 0.97]) {
      const cut = both.slice(0, Math.floor(both.length * share));
      expect((await judge(cut, chain.key)).codes, `certificate cut at ${share}`).not.toEqual([]);
      const keyCut = chain.key.slice(0, Math.floor(chain.key.length * share));
      expect((await judge(both, keyCut)).codes, `key cut at ${share}`).toEqual(['--key-file not-a-private-key']);
    }
  });

  it('says that a key has a passphrase', async () => {
    const locked = createPrivateKey(chain.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    }) as string;
    expect((await judge(chain.leaf, locked)).codes).toEqual(['--key-file encrypted-key']);
  });
});

describe('chooseSelfSignedCertificate', () => {
  const address = '203.0.113.7';
  const choose = (at = now) => chooseSelfSignedCertificate(address, layoutBelow(directory), at);

  /** Puts a certificate made at a time where the last run would have left it. */
  async function leave(madeAt: Date, forHost = address) {
    const layout = layoutBelow(directory);
    const made = await makeSelfSignedCertificate(forHost, madeAt);
    mkdirSync(layout.certificateDirectory, { recursive: true });
    writeFileSync(layout.certificate(address), made.certPem);
    writeFileSync(layout.certificateKey(address), made.keyPem);
    return made;
  }

  it('makes one where there is none, and writes nothing yet', async () => {
    const { certificate, notes, problems } = await choose();
    expect({ notes, problems }).toEqual({ notes: [], problems: [] });
    expect(certificate?.create?.keyPem).toContain('PRIVATE KEY');
    expect(certificate?.pin).toMatch(/^sha256-raw:/);
    expect(treeOf(directory)).toEqual({});
  });

  it('makes the same one for the plans of a run, so that what was shown is what is written', async () => {
    const made: MadeCertificates = new Map();
    const again = (host: string) => chooseSelfSignedCertificate(host, layoutBelow(directory), now, made);
    const first = await again(address);
    expect((await again(address)).certificate).toEqual(first.certificate);
    expect((await again('203.0.113.8')).certificate?.pin).not.toBe(first.certificate?.pin);
    expect((await choose()).certificate?.pin).not.toBe(first.certificate?.pin);
  });

  it('keeps the one that is there, so that the pin stays', async () => {
    const { pin } = await leave(now);
    const { certificate, notes } = await choose();
    expect(certificate).toMatchObject({ pin });
    expect(certificate).not.toHaveProperty('create');
    expect(notes).toEqual([]);
  });

  it('keeps it in its last 30 days, but says that it will end', async () => {
    const { pin, notAfter } = await leave(inDays(-340));
    const { certificate, notes } = await choose();
    expect(certificate).toMatchObject({ pin });
    expect(notes).toEqual([
      expect.objectContaining({
        code: 'certificate-ends-soon',
        at: notAfter.toISOString().slice(0, 10),
        daysLeft: 24,
      }),
    ]);
  });

  it('makes a new one when it has ended, and says that the pin changes', async () => {
    const old = await leave(inDays(-400));
    const { certificate, notes } = await choose();
    expect(certificate?.create).toBeDefined();
    expect(certificate?.pin).not.toBe(old.pin);
    expect(notes).toEqual([expect.objectContaining({ code: 'pin-changed' })]);
  });

  describe('with a prepared one', () => {
    /** Puts a certificate made at a time where `renew` leaves the next one. */
    async function prepareNext(madeAt: Date) {
      const made = await makeSelfSignedCertificate(address, madeAt);
      const { certFile, keyFile } = nextPaths(layoutBelow(directory), address);
      writeFileSync(certFile, made.certPem);
      writeFileSync(keyFile, made.keyPem);
      return made;
    }

    it.each([
      ['has ended', -400],
      ['is in its last day', -364.5],
    ])('takes it when the one before %s', async (_, madeAt) => {
      await leave(inDays(madeAt));
      const { pin, certPem, keyPem, notAfter } = await prepareNext(inDays(-20));
      const { certificate, notes, ...choice } = await choose();
      expect(certificate).toMatchObject({ pin, create: { keyPem } });
      expect(new X509Certificate(certificate!.create!.certPem).raw).toEqual(new X509Certificate(certPem).raw);
      expect(Math.abs(choice.notAfter!.getTime() - notAfter.getTime())).toBeLessThan(1000);
      expect(notes).toEqual([expect.objectContaining({ code: 'successor-taken' })]);
    });

    it('keeps the one before while it has more than a day', async () => {
      const { pin } = await leave(inDays(-360));
      await prepareNext(inDays(-20));
      expect((await choose()).certificate).toMatchObject({ pin });
    });

    it('makes a new one when the prepared one would not last', async () => {
      const old = await leave(inDays(-400));
      const next = await prepareNext(inDays(-350));
      const { certificate, notes } = await choose();
      expect([old.pin, next.pin]).not.toContain(certificate?.pin);
      expect(notes).toEqual([expect.objectContaining({ code: 'pin-changed' })]);
    });
  });

  it.each([
    ['a damaged certificate', 'crt', 'not-a-certificate'],
    ['a damaged key', 'key', 'not-a-private-key'],
  ])('never replaces %s', async (_, extension, code) => {
    await leave(now);
    const path = join(layoutBelow(directory).certificateDirectory, `${address}.${extension}`);
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 100));
    const { certificate, problems } = await choose();
    expect(certificate).toBeUndefined();
    expect(problems).toEqual([{ subject: path, rule: { code } }]);
  });

  it('never replaces half of a pair, or one for another host', async () => {
    await leave(now, '203.0.113.8');
    expect((await choose()).problems[0]?.rule.code).toBe('host-not-covered');
    await leave(now);
    execFileSync('rm', [layoutBelow(directory).certificate(address)]);
    expect((await choose()).problems[0]?.rule).toMatchObject({ code: 'file', problem: 'missing' });
  });
});

describe('isPubliclyTrusted', () => {
  it("knows Node's own authorities, and no others", () => {
    expect(isPubliclyTrusted(parseChain(rootCertificates[0]!)!)).toBe(true);
    expect(isPubliclyTrusted(parseChain(chain.leaf + chain.intermediate)!)).toBe(false);
  });
});
