import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
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
