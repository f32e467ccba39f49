import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crypto as acmeCrypto } from 'acme-client';

/** Puts challenges where derp-setup puts them, in the way it does: a file has its name when it is whole. */
export class ChallengeFolder {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The file of an http-01 answer; written if there is content. */
  http(token: string, content?: string | Buffer): string {
    return this.#put(join(this.#directory, 'webroot/.well-known/acme-challenge'), token, content);
  }

  /** The file of a tls-alpn-01 certificate; written if there is content. */
  alpn(name: string, content?: string | Buffer): string {
    return this.#put(join(this.#directory, 'alpn'), `${name}.pem`, content);
  }

  #put(directory: string, name: string, content: string | Buffer | undefined): string {
    const path = join(directory, name);
    if (content !== undefined) {
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, '.new.tmp'), content, { mode: 0o640 });
      renameSync(join(directory, '.new.tmp'), path);
    }
    return path;
  }
}

/**
 * The certificate, with its key, that answers a tls-alpn-01 challenge, as acme-client makes it. By what it says of its
 * key's use, one with an elliptic curve is for TLS 1.3 only.
 */
export async function challengePem(type: 'dns' | 'ip', value: string, keyType: 'ec' | 'rsa' = 'ec'): Promise<string> {
  const authorization = { identifier: { type, value } } as Parameters<typeof acmeCrypto.createAlpnCertificate>[0];
  const key = keyType === 'ec' ? await acmeCrypto.createPrivateEcdsaKey() : await acmeCrypto.createPrivateRsaKey();
  const [, certificate] = await acmeCrypto.createAlpnCertificate(authorization, 'token.thumbprint', key);
  // It ends without the end of its line.
  return `${String(certificate).trimEnd()}\n${String(key)}`;
}
