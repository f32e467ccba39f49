/** Reads a certificate chain and its key from files, and checks everything that clients would stumble over. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { pinOf } from '../../protocol/certificate-pin.ts';
import { FileError, readText } from '../../system/files.ts';
import { fileRule } from '../answers/documents.ts';
import type { Problem, Rule } from '../answers/problems.ts';

/** A chain and a key that belong together. */
export interface CertificatePair {
  chain: X509Certificate[];
  chainPem: string;
  keyPem: string;
  notAfter: Date;
  /** One certificate, signed by itself: clients can know it by its pin only. */
  selfSigned: boolean;
  pin: string;
  /** The files hold it otherwise: in another order, or with more than belongs to it. */
  rearranged: boolean;
}

/**
 * Whom to trust in order to check a chain by an authority that nobody here was told of: those that it names itself. Not
 * the leaf, which would do without its issuers then.
 */
export function issuersOf({ chain }: Pick<CertificatePair, 'chain'>): string {
  return chain.slice(1).map(String).join('');
}

/** Where the two files are, and how problems with them are to be named. */
export interface PairFiles {
  certFile: string;
  keyFile: string;
  /** The part of each problem that says where the file was named. */
  blame: { cert: Omit<Problem, 'rule'>; key: Omit<Problem, 'rule'> };
}

const CERTIFICATE_BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates of a PEM file; undefined if it holds none or one that is cut short or damaged. */
export function parseChain(pem: string): X509Certificate[] | undefined {
  const blocks = pem.match(CERTIFICATE_BLOCK) ?? [];
  const begun = pem.split('-----BEGIN CERTIFICATE-----').length - 1;
  if (blocks.length === 0 || blocks.length !== begun) return undefined;
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

/** The first key in PKCS #8, PKCS #1 or SEC 1 form; the whole text where there is none. */
function keyBlock(pem: string): string {
  const block = /-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----[\s\S]*?-----END \1-----\n?/.exec(pem)?.[0];
  return block ?? pem;
}

/** Whether one certificate signed another. */
function signed(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/**
 * The certificates in the order in which servers send them: the key's own (or, without the key, the one for the host)
 * first, then each one that signed the one before. What belongs to another chain is left out.
 */
export function arrangeChain(
  found: readonly X509Certificate[],
  key: KeyObject | undefined,
  host: string,
): X509Certificate[] {
  const own = key && found.find((certificate) => certificate.checkPrivateKey(key));
  const leaf = own ?? found.find((certificate) => !certificate.ca && coversHost(certificate, host)) ?? found[0]!;
  const chain = [leaf];
  for (;;) {
    const last = chain.at(-1)!;
    const next = found.find((certificate) => !chain.includes(certificate) && signed(certificate, last));
    if (next === undefined) return chain;
    chain.push(next);
  }
}

function parseKey(text: string): KeyObject | Rule {
  const pem = keyBlock(text);
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) return { code: 'encrypted-key' };
  try {
    return createPrivateKey(pem);
  } catch {
    return { code: 'not-a-private-key' };
  }
}

/** Whether clients that dial `host` find it among the certificate's names. */
export function coversHost(leaf: X509Certificate, host: string): boolean {
  // Clients look at the subject's name no more.
  return (isIP(host) ? leaf.checkIP(host) : leaf.checkHost(host, { subject: 'never' })) !== undefined;
}

/** The rules that a readable chain breaks. */
function chainRules(chain: X509Certificate[], leftOut: number, host: string, now: Date): Rule[] {
  const leaf = chain[0]!;
  const rules: Rule[] = [];
  const broken = chain.findIndex((certificate, i) => i > 0 && !chain[i - 1]!.checkIssued(certificate));
  if (broken > 0) rules.push({ code: 'chain-order', position: broken + 1 });
  // There are others, and none of them has to do with it.
  else if (chain.length === 1 && leftOut > 0) rules.push({ code: 'chain-order', position: 2 });
  if (!coversHost(leaf, host)) rules.push({ code: 'host-not-covered', host, names: leaf.subjectAltName ?? '' });
  if (new Date(leaf.validTo) <= now) rules.push({ code: 'expired', at: dayOf(leaf.validTo) });
  if (new Date(leaf.validFrom) > now) rules.push({ code: 'not-yet-valid', at: dayOf(leaf.validFrom) });
  return rules;
}

function dayOf(date: string): string {
  return new Date(date).toISOString().slice(0, 10);
}

/** Reads a file; a failure becomes a rule that it breaks. */
async function readOrRule(path: string): Promise<string | Rule> {
  try {
    return await readText(path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return fileRule(error);
  }
}

/**
 * The pair for a host, or everything that is wrong with it. `allowExpired`: the caller deals with the
 * date itself. `arranges`: the chain may be in any order, and with others; what is served must be as it is.
 */
export async function readCertificatePair(
  { certFile, keyFile, blame }: PairFiles,
  host: string,
  now: Date,
  { allowExpired = false, arranges = false } = {},
): Promise<{ pair?: CertificatePair; problems: Problem[] }> {
  const [chainText, keyText] = await Promise.all([readOrRule(certFile), readOrRule(keyFile)]);
  const problems: Problem[] = [];
  const refuseCert = (rule: Rule) => problems.push({ ...blame.cert, rule });
  const refuseKey = (rule: Rule) => problems.push({ ...blame.key, rule });

  const found = typeof chainText === 'string' ? parseChain(chainText) : undefined;
  if (typeof chainText !== 'string') refuseCert(chainText);
  else if (!found) refuseCert({ code: 'not-a-certificate' });
  const key = typeof keyText === 'string' ? parseKey(keyText) : keyText;
  if ('code' in key) refuseKey(key);

  if (!found) return { problems };
  const chain = arranges ? arrangeChain(found, 'code' in key ? undefined : key, host) : found;
  const isAsFound = chain.length === found.length && chain.every((certificate, at) => certificate === found[at]);
  const hasMore = arranges && (/PRIVATE KEY/.test(chainText as string) || /BEGIN CERTIFICATE/.test(String(keyText)));
  const rearranged = !isAsFound || hasMore;
  for (const rule of chainRules(chain, found.length - chain.length, host, now)) {
    if (!(allowExpired && rule.code === 'expired')) refuseCert(rule);
  }
  const leaf = chain[0]!;
  if (!('code' in key) && !leaf.checkPrivateKey(key)) refuseKey({ code: 'key-mismatch', certFile });
  if (problems.length > 0) return { problems };
  return {
    pair: {
      chain,
      chainPem: rearranged
        ? chain.map((certificate) => `${certificate.toString().trim()}\n`).join('')
        : (chainText as string),
      keyPem: hasMore ? keyBlock(keyText as string) : (keyText as string),
      rearranged,
      notAfter: new Date(leaf.validTo),
      // checkIssued() would be wrong here: it wants the right to sign certificates, which a server's has not.
      selfSigned: chain.length === 1 && leaf.subject === leaf.issuer && leaf.verify(leaf.publicKey),
      pin: pinOf(leaf),
    },
    problems,
  };
}

/** Whether a chain leads to an authority that Node, and so most clients, know without being told. */
export function isPubliclyTrusted(chain: readonly X509Certificate[]): boolean {
  const last = chain.at(-1)!;
  return rootCertificates.some((pem) => {
    const root = new X509Certificate(pem);
    return root.fingerprint256 === last.fingerprint256 || (last.checkIssued(root) && last.verify(root.publicKey));
  });
}

/** Whether one of these authorities (PEM) stands behind a chain. */
export function isTrustedBy(authorities: string, chain: readonly X509Certificate[]): boolean {
  const last = chain.at(-1)!;
  return (parseChain(authorities) ?? []).some(
    (root) => root.fingerprint256 === last.fingerprint256 || (last.checkIssued(root) && last.verify(root.publicKey)),
  );
}
