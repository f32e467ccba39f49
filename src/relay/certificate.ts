import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { FileError, readText } from '../system/files.ts';
import type { CertificateFiles } from './config.ts';
import { RelayStartError } from './start-error.ts';

/** A TLS key pair as read from its files and found usable. */
export interface LoadedCertificate {
  /** Leaf first, then intermediates, as PEM. */
  readonly chainPem: string;
  readonly keyPem: string;
  readonly leaf: X509Certificate;
}

function bad(file: string, problem: string, cause?: unknown): RelayStartError {
  return new RelayStartError('bad-certificate', `${file}: ${problem}`, { cause });
}

async function readPem(file: string): Promise<string> {
  try {
    return await readText(file);
  } catch (error) {
    if (error instanceof FileError) throw new RelayStartError('bad-certificate', error.message, { cause: error });
    throw error;
  }
}

/**
 * Reads the TLS certificate chain and its key and checks that they belong together.
 * @throws RelayStartError bad-certificate, naming the file and what is wrong with it
 */
export async function loadCertificate({ certFile, keyFile }: CertificateFiles): Promise<LoadedCertificate> {
  // One after the other, so that of two missing files it is always the certificate that is named.
  const chainPem = await readPem(certFile);
  const keyPem = await readPem(keyFile);
  let leaf: X509Certificate;
  try {
    // Node reads the first certificate of a bundle.
    leaf = new X509Certificate(chainPem);
  } catch (cause) {
    throw bad(certFile, 'holds no whole certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----', cause);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem);
  } catch (cause) {
    // Both old and new PEM forms say so in their first lines.
    if (/ENCRYPTED/.test(keyPem)) {
      throw bad(keyFile, 'is protected by a passphrase; save it without one (openssl pkey -in … -out …)', cause);
    }
    throw bad(keyFile, 'holds no private key in PEM form, or only a part of one', cause);
  }
  if (!leaf.checkPrivateKey(key)) {
    throw bad(keyFile, `is not the key of the first certificate in ${certFile}; name the two files of one pair`);
  }
  try {
    // What TLS itself has to say: a broken intermediate, a key that is too short.
    createSecureContext({ cert: chainPem, key: keyPem });
  } catch (cause) {
    throw bad(certFile, `TLS cannot use this chain: ${(cause as Error).message}; check every certificate in it`, cause);
  }
  return { chainPem: chainPem.trimEnd(), keyPem, leaf };
}

function isValidAt(leaf: X509Certificate, now: Date): boolean {
  return now >= new Date(leaf.validFrom) && now < new Date(leaf.validTo);
}

function isFor(leaf: X509Certificate, hostname: string): boolean {
  // Clients look at the subject's name no more.
  return (isIP(hostname) ? leaf.checkIP(hostname) : leaf.checkHost(hostname, { subject: 'never' })) !== undefined;
}

/**
 * Why clients that accept the certificate in use would refuse the next one; undefined when they would not. A running
 * relay is not made unreachable by a file that was copied too early or in error: such a certificate replaces only one
 * that has the same flaw, where nothing can be lost and the files should say what is served.
 */
export function whyWorse(
  next: X509Certificate,
  current: X509Certificate,
  hostname: string,
  now: Date,
): string | undefined {
  const inUse = `the one in use, valid until ${new Date(current.validTo).toISOString()}, stays`;
  if (isValidAt(current, now) && !isValidAt(next, now)) {
    const from = new Date(next.validFrom);
    return now < from
      ? `is not valid before ${from.toISOString()}; ${inUse} till then`
      : `is no longer valid since ${new Date(next.validTo).toISOString()}; ${inUse}`;
  }
  if (isFor(current, hostname) && !isFor(next, hostname)) {
    return `is not for ${hostname}, but for ${next.subjectAltName ?? 'no name at all'}; ${inUse}`;
  }
  return undefined;
}
