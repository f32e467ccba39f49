/** Where a certificate and its key are, by the names that the usual programs give them. */
import { basename, dirname, extname, join } from 'node:path';
import { kindOf } from '../../system/files.ts';

/** Where other programs keep the certificate of a host: certbot, acme.sh, Caddy. */
export function likelyChains(host: string): string[] {
  const caddy = '/var/lib/caddy/.local/share/caddy/certificates/acme-v02.api.letsencrypt.org-directory';
  return [
    `/etc/letsencrypt/live/${host}/fullchain.pem`,
    `/root/.acme.sh/${host}_ecc/fullchain.cer`,
    `/root/.acme.sh/${host}/fullchain.cer`,
    `${caddy}/${host}/${host}.crt`,
  ];
}

/** What a chain may be called in a directory of such a program; the likeliest first. */
export function chainsIn(directory: string, host: string): string[] {
  const names = ['fullchain.pem', 'fullchain.cer', `${host}.crt`, `${host}.pem`, `${host}.cer`];
  return names.map((name) => join(directory, name));
}

/** Where the key of a certificate's file usually is: beside it, by one of a few names, or in it. */
export function likelyKeys(certFile: string): string[] {
  const folder = dirname(certFile);
  const name = basename(certFile, extname(certFile));
  const host = basename(folder).replace(/_ecc$/, '');
  const names = [`${name}.key`, 'privkey.pem', `${host}.key`, `${name}-key.pem`, `${name}.key.pem`];
  return names.map((file) => join(folder, file)).filter((path) => path !== certFile);
}

/** The first of these that is a file. One that may not be looked at counts: reading it says why not. */
async function firstFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if ((await kindOf(path).catch(() => 'file')) === 'file') return path;
  return undefined;
}

/** The two files, or which one there is none of. */
export type FoundFiles = { certFile: string; keyFile: string } | { missing: 'chain' | 'key'; tried: string[] };

/**
 * Finds the files of a pair: the chain by its own name or in a directory, the key by its name or beside the chain. A
 * chain whose key is nowhere beside it may hold the key itself.
 */
export async function findPairFiles(certFile: string, keyFile: string | undefined, host: string): Promise<FoundFiles> {
  const isDirectory = (await kindOf(certFile).catch(() => 'file')) === 'directory';
  const chains = isDirectory ? chainsIn(certFile, host) : [certFile];
  const chain = isDirectory ? await firstFile(chains) : certFile;
  if (chain === undefined) return { missing: 'chain', tried: chains };
  if (keyFile !== undefined) return { certFile: chain, keyFile };
  return { certFile: chain, keyFile: (await firstFile(likelyKeys(chain))) ?? chain };
}
