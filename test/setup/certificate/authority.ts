/** A certificate authority for tests: a root, an intermediate, and leaves with any name and dates. */
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 24 * 3600 * 1000;

interface Issuer {
  name: string;
  keys: webcrypto.CryptoKeyPair;
}

/** A chain as a certificate authority delivers it. */
export interface TestChain {
  leaf: string;
  intermediate: string;
  root: string;
  key: string;
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

async function sign(
  subject: Issuer,
  issuer: Issuer,
  dates: { notBefore: Date; notAfter: Date },
  extensions: x509.Extension[],
): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.create(
    {
      // Begins with a byte below 0x80: Go refuses negative numbers.
      serialNumber: `01${randomBytes(8).toString('hex')}`,
      subject: `CN=${subject.name}`,
      issuer: `CN=${issuer.name}`,
      publicKey: subject.keys.publicKey,
      signingKey: issuer.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions,
      ...dates,
    },
    webcrypto,
  );
  return `${certificate.toString('pem')}\n`;
}

/** A leaf for one name or address, signed through an intermediate. */
export async function makeChain(
  host: { type: 'dns' | 'ip'; value: string },
  { from = -1, until = 60, now = new Date() } = {},
): Promise<TestChain> {
  const [root, middle, leaf] = (await Promise.all(
    ['Test Root', 'Test Intermediate', 'Test Leaf'].map(async (name) => ({ name, keys: await makeKeys() })),
  )) as [Issuer, Issuer, Issuer];
  const at = (days: number) => new Date(now.getTime() + days * DAY);
  const long = { notBefore: at(-1000), notAfter: at(1000) };
  const authority = [new x509.BasicConstraintsExtension(true, undefined, true)];
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', leaf.keys.privateKey)).toString('base64');
  return {
    root: await sign(root, root, long, authority),
    intermediate: await sign(middle, root, long, authority),
    leaf: await sign(leaf, middle, { notBefore: at(from), notAfter: at(until) }, [
      new x509.SubjectAlternativeNameExtension([host]),
    ]),
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
  };
}
