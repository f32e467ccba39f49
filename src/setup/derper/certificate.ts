/** The certificate that a derper serves, wherever its certmode keeps it. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { posix } from 'node:path';
import { certificateBaseName } from '../../deploy/layout.ts';
import { coversHost, parseChain } from '../certificate/pair.ts';
import { autocertNames, type PemPair, splitAutocertFile } from './autocert.ts';
import { type MissingCode, readDerperFile } from './derper-files.ts';
import type { ExistingDerper } from './existing.ts';
import type { DerperSettings } from './settings.ts';

/** Why there is no certificate to take over. `plain-http`: something in front of derper has it, such as nginx. */
export type CertificateGapCode =
  | MissingCode
  | 'plain-http'
  | 'damaged'
  | 'key-mismatch'
  | 'host-not-covered'
  | 'expired';

/** A certificate that can be taken over. */
export interface FoundCertificate {
  /** Who renews it: `manual`, somebody else; `acme`, derper itself, so nobody once derper is gone. */
  renewedBy: 'manual' | 'acme';
  notAfter: Date;
  selfSigned: boolean;
  /** The chain and key as files of the host that stay where they are; undefined when they must be copied. */
  files: { certFile: string; keyFile: string } | undefined;
  certPem: string;
  /** Secret. A function, so that no report or log takes it along. */
  keyPem(): string;
}

/** A certificate, or why there is none and which file is to blame. */
export type CertificateResult =
  | { ok: true; certificate: FoundCertificate }
  | { ok: false; code: CertificateGapCode; path: string | undefined };

/** What is wrong with a pair for the host's clients. */
function judge({ certPem, keyPem }: PemPair, host: string, now: Date): CertificateGapCode | X509Certificate {
  const leaf = parseChain(certPem)?.[0];
  if (leaf === undefined) return 'damaged';
  let matches: boolean;
  try {
    matches = leaf.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return 'damaged';
  }
  if (!matches) return 'key-mismatch';
  if (!coversHost(leaf, host)) return 'host-not-covered';
  return new Date(leaf.validTo) > now ? leaf : 'expired';
}

function accepted(
  pair: PemPair,
  leaf: X509Certificate,
  rest: Pick<FoundCertificate, 'renewedBy' | 'files'>,
): CertificateResult {
  const selfSigned = leaf.subject === leaf.issuer && leaf.verify(leaf.publicKey);
  const { certPem, keyPem } = pair;
  return {
    ok: true,
    certificate: { ...rest, notAfter: new Date(leaf.validTo), selfSigned, certPem, keyPem: () => keyPem },
  };
}

/** Two files of one name, as with `-certmode manual` and for IP addresses. */
async function fromFiles(
  derper: ExistingDerper,
  base: string,
  host: string,
  renewedBy: FoundCertificate['renewedBy'],
  now: Date,
): Promise<CertificateResult> {
  const cert = await readDerperFile(derper, `${base}.crt`);
  if (!cert.ok) return cert;
  const key = await readDerperFile(derper, `${base}.key`);
  if (!key.ok) return key;
  const pair = { certPem: cert.text, keyPem: key.text };
  const leaf = judge(pair, host, now);
  if (!(leaf instanceof X509Certificate)) {
    return { ok: false, code: leaf, path: leaf === 'key-mismatch' ? key.path : cert.path };
  }
  const stays = renewedBy === 'manual' && cert.hostPath !== undefined && key.hostPath !== undefined;
  const files = stays ? { certFile: cert.hostPath!, keyFile: key.hostPath! } : undefined;
  return accepted(pair, leaf, { renewedBy, files });
}

/** One file with the key and the chain, as with `-certmode letsencrypt`. */
async function fromCache(derper: ExistingDerper, certDir: string, host: string, now: Date): Promise<CertificateResult> {
  let result: CertificateResult = { ok: false, code: 'missing', path: undefined };
  for (const name of autocertNames(host)) {
    const path = posix.join(certDir, name);
    const file = await readDerperFile(derper, path);
    const pair = file.ok ? splitAutocertFile(file.text) : undefined;
    const leaf = pair ? judge(pair, host, now) : 'damaged';
    if (pair && leaf instanceof X509Certificate) return accepted(pair, leaf, { renewedBy: 'acme', files: undefined });
    const code = file.ok ? (leaf as CertificateGapCode) : file.code;
    // The first name is the usual one; what is wrong with it says more than that the other is not there.
    if (result.path === undefined) result = { ok: false, code, path: file.path };
  }
  return result;
}

/** Looks where this derper's certificate is, and whether clients of `host` could go on with it. */
export async function findCertificate(
  derper: ExistingDerper,
  settings: DerperSettings,
  host: string,
  now: Date,
): Promise<CertificateResult> {
  const { tls, certMode, certDir, hostname, ipCertificates } = settings;
  if (!tls) return { ok: false, code: 'plain-http', path: undefined };
  if (certDir === undefined) return { ok: false, code: 'unknown-place', path: undefined };
  if (certMode === 'manual') {
    return fromFiles(derper, posix.join(certDir, certificateBaseName(hostname)), host, 'manual', now);
  }
  if (isIP(host) && ipCertificates) {
    return fromFiles(derper, posix.join(certDir, host.replaceAll(':', '.')), host, 'acme', now);
  }
  return fromCache(derper, certDir, host, now);
}
