import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
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
  const [chainPem, keyPem] = await Promise.all([readPem(certFile), readPem(keyFile)]);
  let leaf: X509Certificate;
  try {
    // Node reads the first certificate of a bundle.
    leaf = new X509Certificate(chainPem);
  } catch (cause) {
    throw bad(certFile, 'holds no certificate in PEM form', cause);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem);
  } catch (cause) {
    throw bad(keyFile, 'holds no private key in PEM form, or only a part of one', cause);
  }
  if (!leaf.checkPrivateKey(key)) {
    throw bad(keyFile, `is not the key of the first certificate in ${certFile}; name the two files of one pair`);
  }
  return { chainPem: chainPem.trimEnd(), keyPem, leaf };
}
