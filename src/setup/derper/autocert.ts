/** The files in which derper's certmode letsencrypt keeps certificates (golang.org/x/crypto/acme/autocert, DirCache). */

/** A certificate chain and its key, each as PEM. */
export interface PemPair {
  certPem: string;
  keyPem: string;
}

/** The names that a host's certificate may have in the directory: with an ECDSA key, or for old clients an RSA key. */
export function autocertNames(host: string): string[] {
  return [host, `${host}+rsa`];
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/** Parts one cache file: the key stands first, then the chain from the leaf on. Undefined for any other content. */
export function splitAutocertFile(text: string): PemPair | undefined {
  const blocks = [...text.matchAll(BLOCK)].map(([pem, label]) => ({ pem, label: label! }));
  const [key, ...chain] = blocks;
  if (key === undefined || !key.label.endsWith('PRIVATE KEY') || chain.length === 0) return undefined;
  if (chain.some(({ label }) => label !== 'CERTIFICATE')) return undefined;
  return { keyPem: `${key.pem}\n`, certPem: chain.map(({ pem }) => `${pem}\n`).join('') };
}
