/** Reads a certificate chain and its key from files, and checks everything that clients would stumble over. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { pinOf } from '../protocol/certificate-pin.ts';
import { FileError, readText } from '../system/files.ts';
import { fileRule } from './documents.ts';
import type { Problem, Rule } from './problems.ts';

/** A chain and a key that belong together. */
export interface CertificatePair {
  chain: X509Certificate[];
  chainPem: string;
  keyPem: string;
  notAfter: Date;
  /** One certificate, signed by itself: clients can know it by its pin only. */
  selfSigned: boolean;
  pin: string;
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

function parseKey(pem: string): KeyObject | Rule {
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
function chainRules(chain: X509Certificate[], host: string, now: Date): Rule[] {
  const leaf = chain[0]!;
  const rules: Rule[] = [];
  const broken = chain.findIndex((certificate, i) => i > 0 && !chain[i - 1]!.checkIssued(certificate));
  if (broken > 0) rules.push({ code: 'chain-order', position: broken + 1 });
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

/** The pair for a host, or everything that is wrong with it. `allowExpired`: the caller deals with the date itself. */
export async function readCertificatePair(
  { certFile, keyFile, blame }: PairFiles,
  host: string,
  now: Date,
  { allowExpired = false } = {},
): Promise<{ pair?: CertificatePair; problems: Problem[] }> {
  const [chainText, keyText] = await Promise.all([readOrRule(certFile), readOrRule(keyFile)]);
  const problems: Problem[] = [];
  const refuseCert = (rule: Rule) => problems.push({ ...blame.cert, rule });
  const refuseKey = (rule: Rule) => problems.push({ ...blame.key, rule });

  const chain = typeof chainText === 'string' ? parseChain(chainText) : undefined;
  if (typeof chainText !== 'string') refuseCert(chainText);
  else if (!chain) refuseCert({ code: 'not-a-certificate' });
  const key = typeof keyText === 'string' ? parseKey(keyText) : keyText;
  if ('code' in key) refuseKey(key);

  if (!chain) return { problems };
  for (const rule of chainRules(chain, host, now)) {
    if (!(allowExpired && rule.code === 'expired')) refuseCert(rule);
  }
  const leaf = chain[0]!;
  if (!('code' in key) && !leaf.checkPrivateKey(key)) refuseKey({ code: 'key-mismatch', certFile });
  if (problems.length > 0) return { problems };
  return {
    pair: {
      chain,
      chainPem: chainText as string,
      keyPem: keyText as string,
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
