/** Which certificate the relay gets: the files that were named, the self-signed one from last time, or a new one. */
import { makeSelfSignedCertificate, type SelfSignedCertificate } from '../../cert/self-signed.ts';
import { oneLine } from '../../client/trust.ts';
import type { Layout } from '../../deploy/layout.ts';
import type { PlannedCertificate } from '../../deploy/relay-description.ts';
import { pinOf } from '../../protocol/certificate-pin.ts';
import { systemAuthorities } from '../../system/authorities.ts';
import { kindOf } from '../../system/files.ts';
import type { Note } from '../answers/notes.ts';
import type { Problem } from '../answers/problems.ts';
import { type Answers, questions } from '../answers/questions.ts';
import type { GivenAnswers } from '../answers/resolve.ts';
import type { FoundCertificate } from '../derper/certificate.ts';
import { findPairFiles } from './files.ts';
import { LAST_MOMENT_MS, readNext } from './next.ts';
import {
  type CertificatePair,
  isPubliclyTrusted,
  issuersOf,
  isTrustedBy,
  parseChain,
  readCertificatePair,
} from './pair.ts';

/** From so many days before its end on, every run says that a self-signed certificate will end. */
const WARN_DAYS = 30;
const DAY_MS = 24 * 3600 * 1000;

/** New certificates by their hosts: a plan that is made once more has the pin that was shown. */
export type MadeCertificates = Map<string, SelfSignedCertificate>;

/** What is planned, and what must be said about it. */
export interface CertificateChoice {
  certificate?: PlannedCertificate;
  notAfter?: Date;
  notes: Note[];
  problems: Problem[];
}

function isoDay(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** Whole days from `now` until `date`. */
function daysUntil(date: Date, now: Date): number {
  return Math.floor((date.getTime() - now.getTime()) / DAY_MS);
}

/** Something that may not even be looked at is there too; reading it then says why not. */
async function isThere(path: string): Promise<boolean> {
  return (await kindOf(path).catch(() => 'file')) !== 'missing';
}

/** Where the relay may read certificates from. */
export interface ManualUse {
  environment: Record<string, string | undefined>;
  now: Date;
  /** The relay cannot read other users' files, so that it gets copies. */
  copied: boolean;
  /** Where a copy goes that is needed although the relay can read the files: they are not as servers need them. */
  layout?: Layout;
}

/** The problems where no key was named, and none was found beside the chain or in it. */
function withoutKey(problems: readonly Problem[], chain: Omit<Problem, 'rule'>): Problem[] {
  const { flag } = questions.keyFile;
  return problems.flatMap((problem): Problem[] => {
    if (problem.flag !== flag) return [problem];
    return problem.rule.code === 'file' ? [] : [{ ...chain, rule: { code: 'needs', flags: [flag] } }];
  });
}

/**
 * The files that were named with --cert-file and --key-file: used where they are, so that whoever renews them goes on
 * doing so, or copied.
 */
export async function chooseManualCertificate(
  answers: Pick<Answers, 'host'> & { certFile: string; keyFile: string | undefined },
  given: GivenAnswers,
  { environment, now, copied, layout }: ManualUse,
): Promise<CertificateChoice> {
  const { host } = answers;
  const located = await findPairFiles(answers.certFile, answers.keyFile, host);
  const blame = (key: 'certFile' | 'keyFile', value: string) => {
    const { flag } = questions[key];
    return { subject: given[key]?.subject ?? flag, flag, value };
  };
  if ('missing' in located) {
    const rule = { code: 'no-chain-in-directory', tried: located.tried } as const;
    return { notes: [], problems: [{ ...blame('certFile', answers.certFile), rule }] };
  }
  const { certFile, keyFile } = located;
  const files = { certFile, keyFile, blame: { cert: blame('certFile', certFile), key: blame('keyFile', keyFile) } };
  const { pair, problems } = await readCertificatePair(files, host, now, { arranges: true });
  if (!pair)
    return { notes: [], problems: keyFile === certFile ? withoutKey(problems, blame('certFile', certFile)) : problems };
  const { notAfter, chainPem: certPem, keyPem } = pair;
  const place =
    pair.rearranged && !copied && layout
      ? { certFile: layout.certificate(host), keyFile: layout.certificateKey(host) }
      : { certFile, keyFile };
  const found = { ...place, ...((copied || place.certFile !== certFile) && { create: { certPem, keyPem } }) };
  return { ...(await trustOf(found, pair, environment)), notAfter, problems: [] };
}

/**
 * A certificate of a derper's that is inside a container, or in a form of derper's own, and becomes two files of ours.
 * It has been judged already.
 */
export async function chooseTakenCertificate(
  { certPem, keyPem, notAfter, selfSigned }: FoundCertificate,
  files: { certFile: string; keyFile: string },
  environment: ManualUse['environment'],
): Promise<CertificateChoice> {
  const chain = parseChain(certPem) ?? [];
  const found = { ...files, create: { certPem, keyPem: keyPem() } };
  const pair = { chain, selfSigned, pin: chain[0] === undefined ? '' : pinOf(chain[0]) };
  return { ...(await trustOf(found, pair, environment)), notAfter, problems: [] };
}

/** By what clients know the certificate, and thus how to check it. */
async function trustOf(
  found: PlannedCertificate,
  pair: Pick<CertificatePair, 'chain' | 'selfSigned' | 'pin'>,
  environment: ManualUse['environment'],
): Promise<{ certificate: PlannedCertificate; notes: Note[] }> {
  if (pair.selfSigned) return { certificate: { ...found, pin: pair.pin }, notes: [] };
  if (isPubliclyTrusted(pair.chain)) return { certificate: found, notes: [] };
  // The authority may stand at the end of the chain, or among those that this machine, like its clients, was told of.
  const authorities = await systemAuthorities(environment);
  const extraCa = `${issuersOf(pair)}\n${authorities}`;
  const [leaf] = pair.chain;
  const alone = pair.chain.length === 1 && !isTrustedBy(authorities, pair.chain);
  const note: Note =
    alone && leaf
      ? { code: 'chain-incomplete', file: found.certFile, issuer: oneLine(leaf.issuer) }
      : { code: 'private-authority', file: found.certFile };
  return { certificate: { ...found, extraCa }, notes: [note] };
}

/** The one that was prepared, whose pin people were told. */
function chooseNext(
  { chainPem: certPem, keyPem, pin, notAfter }: CertificatePair,
  { certFile, keyFile, at }: { certFile: string; keyFile: string; at: string },
): CertificateChoice {
  const notes: Note[] = [{ code: 'successor-taken', file: certFile, at }];
  return { certificate: { certFile, keyFile, pin, create: { certPem, keyPem } }, notAfter, notes, problems: [] };
}

/**
 * The self-signed certificate of the host: the one that is there while it is valid, since a new one changes the pin in
 * everybody's derpMap; from its last day on the one that was prepared. Files that are there but cannot be used are never
 * replaced. A new one is taken from `made`, or added there.
 */
export async function chooseSelfSignedCertificate(
  host: string,
  layout: Layout,
  now: Date,
  made: MadeCertificates = new Map(),
): Promise<CertificateChoice> {
  const certFile = layout.certificate(host);
  const keyFile = layout.certificateKey(host);
  const notes: Note[] = [];
  if ((await isThere(certFile)) || (await isThere(keyFile))) {
    const files = { certFile, keyFile, blame: { cert: { subject: certFile }, key: { subject: keyFile } } };
    const { pair, problems } = await readCertificatePair(files, host, now, { allowExpired: true });
    if (!pair) return { notes, problems };
    const { notAfter, pin } = pair;
    const daysLeft = daysUntil(notAfter, now);
    const isOver = notAfter.getTime() - now.getTime() < LAST_MOMENT_MS;
    const next = isOver ? await readNext(layout, host, now) : undefined;
    if (next !== undefined && next.pin !== pin) return chooseNext(next, { certFile, keyFile, at: isoDay(notAfter) });
    if (notAfter > now) {
      if (daysLeft < WARN_DAYS)
        notes.push({ code: 'certificate-ends-soon', file: certFile, at: isoDay(notAfter), daysLeft });
      return { certificate: { certFile, keyFile, pin }, notAfter, notes, problems };
    }
    notes.push({ code: 'pin-changed', file: certFile, at: isoDay(notAfter) });
  }
  const certificate = made.get(host) ?? (await makeSelfSignedCertificate(host, now));
  made.set(host, certificate);
  const { certPem, keyPem, pin, notAfter } = certificate;
  return { certificate: { certFile, keyFile, pin, create: { certPem, keyPem } }, notAfter, notes, problems: [] };
}
