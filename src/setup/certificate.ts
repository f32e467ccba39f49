/** Which certificate the relay gets: the files that were named, the self-signed one from last time, or a new one. */
import { makeSelfSignedCertificate } from '../cert/self-signed.ts';
import type { Layout } from '../deploy/layout.ts';
import type { PlannedCertificate } from '../deploy/relay-description.ts';
import { systemAuthorities } from '../system/authorities.ts';
import { kindOf } from '../system/files.ts';
import { isPubliclyTrusted, readCertificatePair } from './certificate-pair.ts';
import type { Note } from './notes.ts';
import type { Problem } from './problems.ts';
import { type Answers, questions } from './questions.ts';
import type { GivenAnswers } from './resolve.ts';

/** From so many days before its end on, every run says that a self-signed certificate will end. */
const WARN_DAYS = 30;
const DAY_MS = 24 * 3600 * 1000;

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
}

/**
 * The files that were named with --cert-file and --key-file: used where they are, so that whoever renews them goes on
 * doing so, or copied.
 */
export async function chooseManualCertificate(
  answers: Pick<Answers, 'host'> & { certFile: string; keyFile: string },
  given: GivenAnswers,
  { environment, now, copied }: ManualUse,
): Promise<CertificateChoice> {
  const { certFile, keyFile, host } = answers;
  const blame = (key: 'certFile' | 'keyFile') => {
    const { flag } = questions[key];
    return { subject: given[key]?.subject ?? flag, flag, value: answers[key] };
  };
  const files = { certFile, keyFile, blame: { cert: blame('certFile'), key: blame('keyFile') } };
  const { pair, problems } = await readCertificatePair(files, host, now);
  if (!pair) return { notes: [], problems };
  const { notAfter, chainPem: certPem, keyPem } = pair;
  const found = { certFile, keyFile, ...(copied && { create: { certPem, keyPem } }) };
  if (pair.selfSigned) {
    return { certificate: { ...found, pin: pair.pin }, notAfter, notes: [], problems: [] };
  }
  if (isPubliclyTrusted(pair.chain)) return { certificate: found, notAfter, notes: [], problems: [] };
  // The authority may stand at the end of the chain, or among those that this machine, like its clients, was told of.
  const extraCa = `${pair.chainPem}\n${await systemAuthorities(environment)}`;
  const notes: Note[] = [{ code: 'private-authority', file: certFile }];
  return { certificate: { ...found, extraCa }, notAfter, notes, problems: [] };
}

/**
 * The self-signed certificate of the host: the one that is there while it is valid, since a new one changes the pin in
 * everybody's derpMap. Files that are there but cannot be used are never replaced.
 */
export async function chooseSelfSignedCertificate(host: string, layout: Layout, now: Date): Promise<CertificateChoice> {
  const certFile = layout.certificate(host);
  const keyFile = layout.certificateKey(host);
  const notes: Note[] = [];
  if ((await isThere(certFile)) || (await isThere(keyFile))) {
    const files = { certFile, keyFile, blame: { cert: { subject: certFile }, key: { subject: keyFile } } };
    const { pair, problems } = await readCertificatePair(files, host, now, { allowExpired: true });
    if (!pair) return { notes, problems };
    const { notAfter, pin } = pair;
    const daysLeft = daysUntil(notAfter, now);
    if (notAfter > now) {
      if (daysLeft < WARN_DAYS)
        notes.push({ code: 'certificate-ends-soon', file: certFile, at: isoDay(notAfter), daysLeft });
      return { certificate: { certFile, keyFile, pin }, notAfter, notes, problems };
    }
    notes.push({ code: 'pin-changed', file: certFile, at: isoDay(notAfter) });
  }
  const { certPem, keyPem, pin, notAfter } = await makeSelfSignedCertificate(host, now);
  return { certificate: { certFile, keyFile, pin, create: { certPem, keyPem } }, notAfter, notes, problems: [] };
}
