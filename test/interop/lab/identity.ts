/** Who the relay is to its clients: a name with a certificate by a test CA, or an IP address with a pinned certificate. */
import { createHash, randomBytes, webcrypto } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { relayAddress } from './network.ts';

/** Everything the relay and its clients need to know about who the relay is. */
export interface Identity {
  /** The relay's HostName: a name or an address. */
  readonly host: string;
  /** DERPNode.CertName for a pinned certificate. */
  readonly certName: string | undefined;
  /** The folder with `<host>.crt` and `<host>.key`. */
  readonly certificates: string;
  /** The environment by which Tailscale's programs trust the test CA. */
  readonly clientEnvironment: Readonly<Record<string, string>>;
}

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 24 * 3600 * 1000;

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify']);
}

/** A random serial number that begins with a byte below 0x80: Go refuses negative ones. */
function newSerial(): string {
  return `01${randomBytes(8).toString('hex')}`;
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - day / 24), notAfter: new Date(Date.now() + days * day) };
}

async function pemOfKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return x509.PemConverter.encode(der, 'PRIVATE KEY');
}

async function leafExtensions(keys: webcrypto.CryptoKeyPair, san: x509.JsonGeneralName): Promise<x509.Extension[]> {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension([san]),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
  ];
}

async function save(folder: string, host: string, certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${host}.crt`), `${certificate.toString('pem')}\n`);
  writeFileSync(join(folder, `${host}.key`), `${await pemOfKey(keys.privateKey)}\n`, { mode: 0o600 });
}

/** A name, with a certificate by a CA that was made for this test and that only the test's programs trust. */
export async function namedIdentity(host: string, folder: string): Promise<Identity> {
  const caKeys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: 'CN=Test CA of derp-setup',
    ...validity(30),
    keys: caKeys,
    signingAlgorithm: ecdsa,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: `CN=${host}`,
    issuer: ca.subject,
    ...validity(30),
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ecdsa,
    extensions: [
      ...(await leafExtensions(keys, { type: 'dns', value: host })),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
    ],
  });
  await save(folder, host, certificate, keys);
  const caFile = join(folder, 'test-ca.pem');
  writeFileSync(caFile, `${ca.toString('pem')}\n`);
  return { host, certName: undefined, certificates: folder, clientEnvironment: trustOnly(caFile) };
}

/** An IP address, with a self-signed certificate that clients know by the SHA-256 of its bytes. */
export async function pinnedIdentity(folder: string): Promise<Identity> {
  const host = relayAddress.v4;
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=${host}`,
    ...validity(360),
    keys,
    signingAlgorithm: ecdsa,
    extensions: await leafExtensions(keys, { type: 'ip', value: host }),
  });
  await save(folder, host, certificate, keys);
  const pin = createHash('sha256').update(Buffer.from(certificate.rawData)).digest('hex');
  const nobody = join(folder, 'no-ca.pem');
  writeFileSync(nobody, '');
  return { host, certName: `sha256-raw:${pin}`, certificates: folder, clientEnvironment: trustOnly(nobody) };
}

/** The same relay for clients whose map has another certificate's pin. */
export function withWrongPin(identity: Identity): Identity {
  return { ...identity, certName: `sha256-raw:${createHash('sha256').update('another certificate').digest('hex')}` };
}

function trustOnly(file: string): Readonly<Record<string, string>> {
  return { SSL_CERT_FILE: file, SSL_CERT_DIR: '/nonexistent' };
}
