import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate, type SelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { loadCertificate } from '../../src/relay/certificate.ts';
import { defaultRelayConfig } from '../../src/relay/config.ts';
import { startRelay } from '../../src/relay/relay.ts';
import { RelayStartError } from '../../src/relay/start-error.ts';
import { temporaryDirectory } from '../temporary.ts';
import { freePort } from './support/ports.ts';

let pair: SelfSignedCertificate;
let other: SelfSignedCertificate;

beforeAll(async () => {
  pair = await makeSelfSignedCertificate('127.0.0.1');
  other = await makeSelfSignedCertificate('other.example');
});

/** A directory with these files in it. */
function directoryWith(files: Record<string, string | Buffer>): string {
  const directory = temporaryDirectory();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

const filesIn = (directory: string) => ({ certFile: join(directory, 'a.crt'), keyFile: join(directory, 'a.key') });

async function problemOf(directory: string): Promise<RelayStartError> {
  const problem: unknown = await loadCertificate(filesIn(directory)).catch((error: unknown) => error);
  expect(problem).toBeInstanceOf(RelayStartError);
  expect((problem as RelayStartError).code).toBe('bad-certificate');
  return problem as RelayStartError;
}

describe('a certificate and its key', () => {
  it('are read as they are, the leaf first', async () => {
    const directory = directoryWith({ 'a.crt': `${pair.certPem}${other.certPem}`, 'a.key': pair.keyPem });
    const { chainPem, keyPem, leaf } = await loadCertificate(filesIn(directory));
    expect(chainPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(keyPem).toBe(pair.keyPem);
    expect(leaf.raw.equals(new X509Certificate(pair.certPem).raw)).toBe(true);
  });

  it('may have other text around them, as openssl writes it', async () => {
    const directory = directoryWith({ 'a.crt': `subject=CN = a\n${pair.certPem}\n\n`, 'a.key': `\n${pair.keyPem}` });
    expect((await loadCertificate(filesIn(directory))).leaf.subjectAltName).toBe('IP Address:127.0.0.1');
  });

  it.each<[string, () => Record<string, string | Buffer>, 'a.crt' | 'a.key', RegExp]>([
    ['no certificate', () => ({ 'a.key': pair.keyPem }), 'a.crt', /no such file/],
    ['no key', () => ({ 'a.crt': pair.certPem }), 'a.key', /no such file/],
    ['an empty certificate', () => ({ 'a.crt': '', 'a.key': pair.keyPem }), 'a.crt', /no whole certificate/],
    [
      'a truncated certificate',
      () => ({ 'a.crt': pair.certPem.slice(0, 300), 'a.key': pair.keyPem }),
      'a.crt',
      /no whole/,
    ],
    [
      'a truncated second certificate',
      () => ({ 'a.crt': `${pair.certPem}${other.certPem.slice(0, 300)}`, 'a.key': pair.keyPem }),
      'a.crt',
      /TLS cannot use this chain: .*check every certificate/,
    ],
    [
      'a certificate in DER',
      () => ({ 'a.crt': new X509Certificate(pair.certPem).raw.subarray(0, 100), 'a.key': pair.keyPem }),
      'a.crt',
      /PEM/,
    ],
    ['an empty key', () => ({ 'a.crt': pair.certPem, 'a.key': '' }), 'a.key', /no private key/],
    ['a truncated key', () => ({ 'a.crt': pair.certPem, 'a.key': pair.keyPem.slice(0, 90) }), 'a.key', /part of one/],
    ['a certificate for a key', () => ({ 'a.crt': pair.certPem, 'a.key': pair.certPem }), 'a.key', /no private key/],
    [
      'a key for a certificate',
      () => ({ 'a.crt': pair.keyPem, 'a.key': pair.keyPem }),
      'a.crt',
      /no whole certificate/,
    ],
    [
      'the key of another certificate',
      () => ({ 'a.crt': pair.certPem, 'a.key': other.keyPem }),
      'a.key',
      /is not the key of the first certificate in .*a\.crt; name the two files of one pair/,
    ],
    [
      'a chain in the wrong order',
      () => ({ 'a.crt': `${other.certPem}${pair.certPem}`, 'a.key': pair.keyPem }),
      'a.key',
      /first certificate/,
    ],
    ['a key under a passphrase', () => ({ 'a.crt': pair.certPem, 'a.key': protectedKey() }), 'a.key', /without one/],
  ])('are refused with the file’s name and what to do: %s', async (_, files, name, expected) => {
    const directory = directoryWith(files());
    const { message } = await problemOf(directory);
    expect(message).toContain(join(directory, name));
    expect(message).toMatch(expected);
    expect(message).not.toContain('PRIVATE KEY-----\n');
  });

  it('are refused when one is a directory', async () => {
    const directory = directoryWith({ 'a.crt': pair.certPem });
    mkdirSync(join(directory, 'a.key'));
    expect((await problemOf(directory)).message).toMatch(/a\.key: it is a directory/);
  });
});

describe('a relay with an unusable certificate', () => {
  it('does not start, listens on nothing and writes nothing', async () => {
    const directory = directoryWith({ 'a.crt': pair.certPem, 'a.key': other.keyPem });
    const port = await freePort();
    const start = startRelay({
      ...defaultRelayConfig,
      listen: { host: '127.0.0.1', port },
      httpPort: -1,
      stunPort: -1,
      hostname: '127.0.0.1',
      certificate: filesIn(directory),
      keyFile: join(directory, 'new', 'derper.key'),
      logLevel: 'silent',
    });
    await expect(start).rejects.toMatchObject({ name: 'RelayStartError', code: 'bad-certificate' });
    const attempt = createConnection({ port, host: '127.0.0.1' });
    const outcome = await new Promise((resolve) => {
      attempt.once('connect', () => resolve('connected'));
      attempt.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    expect(outcome).toBe('ECONNREFUSED');
    expect(readdirSync(directory).sort()).toEqual(['a.crt', 'a.key']);
    expect(existsSync(join(directory, 'new'))).toBe(false);
  });
});

function protectedKey(): string {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' },
  });
  return privateKey;
}
