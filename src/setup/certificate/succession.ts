/**
 * Self-signed certificates do not renew by themselves: clients know them by a pin, which must go into their map first.
 * The next one is made while there is time, and takes its place on command, or on the last day.
 */
import { X509Certificate } from 'node:crypto';
import { makeSelfSignedCertificate } from '../../cert/self-signed.ts';
import type { Layout } from '../../deploy/layout.ts';
import { PRIVATE_FILE, PUBLIC_FILE } from '../../deploy/steps.ts';
import { pinOf } from '../../protocol/certificate-pin.ts';
import { removeFile, writeFileAtomic } from '../../system/files.ts';
import { LAST_MOMENT_MS, nextPaths, PREPARE_DAYS, readNext } from './next.ts';
import { installedPair } from './order.ts';
import type { CertificatePair } from './pair.ts';
import { servedPaths, servePair } from './serving.ts';

const DAY_MS = 24 * 3600 * 1000;
/** What there is, and what is to be done. */
export type Succession =
  | { kind: 'good'; now: CertificatePair; from: Date }
  | { kind: 'ready'; now: CertificatePair; next: CertificatePair; switchAt: Date }
  | { kind: 'switch'; now: CertificatePair | undefined; next: CertificatePair }
  | { kind: 'nothing-to-switch'; now: CertificatePair };

/** Pure: what to do with the two pairs. */
export function judgeSuccession(
  current: { notAfter: Date } | undefined,
  { hasNext, wantsSwitch, wantsNext }: { hasNext: boolean; wantsSwitch: boolean; wantsNext: boolean },
  now: Date,
): 'keep' | 'prepare' | 'switch' | 'nothing-to-switch' {
  const left = current === undefined ? 0 : current.notAfter.getTime() - now.getTime();
  if (left < LAST_MOMENT_MS) return 'switch';
  const isTime = left < PREPARE_DAYS * DAY_MS || wantsNext;
  if (wantsSwitch) return hasNext || isTime ? 'switch' : 'nothing-to-switch';
  return isTime || hasNext ? 'prepare' : 'keep';
}

async function removeNext(layout: Layout, host: string): Promise<void> {
  const { certFile, keyFile } = nextPaths(layout, host);
  await removeFile(certFile);
  await removeFile(keyFile);
}

/** The pair that waits. What a setup has put in place already waits no more. */
async function waitingPair(layout: Layout, host: string, current: CertificatePair | undefined, now: Date) {
  const next = await readNext(layout, host, now);
  if (next === undefined || next.pin !== current?.pin) return next;
  await removeNext(layout, host);
  return undefined;
}

async function makeNext(layout: Layout, host: string, now: Date): Promise<CertificatePair> {
  const { certFile, keyFile } = nextPaths(layout, host);
  const { certPem, keyPem, notAfter } = await makeSelfSignedCertificate(host, now);
  await writeFileAtomic(keyFile, keyPem, { mode: PRIVATE_FILE });
  await writeFileAtomic(certFile, certPem, { mode: PUBLIC_FILE });
  const leaf = new X509Certificate(certPem);
  return { chain: [leaf], chainPem: certPem, keyPem, notAfter, selfSigned: true, pin: pinOf(leaf), rearranged: false };
}

/** What somebody asked for. */
export interface SuccessionWishes {
  /** Serve the next one now. */
  wantsSwitch: boolean;
  /** Make it now. */
  wantsNext: boolean;
}

/** Looks at the pairs, and makes the next one when it is time. @throws FileError */
export async function prepareSuccession(
  layout: Layout,
  host: string,
  wishes: SuccessionWishes,
  now: Date,
): Promise<Succession> {
  const current = await installedPair(layout, host, now);
  const known = await waitingPair(layout, host, current, now);
  const verdict = judgeSuccession(current, { hasNext: known !== undefined, ...wishes }, now);
  if (verdict === 'keep') {
    return { kind: 'good', now: current!, from: new Date(current!.notAfter.getTime() - PREPARE_DAYS * DAY_MS) };
  }
  if (verdict === 'nothing-to-switch') return { kind: verdict, now: current! };
  const next = known ?? (await makeNext(layout, host, now));
  if (verdict === 'switch') return { kind: 'switch', now: current, next };
  return { kind: 'ready', now: current!, next, switchAt: new Date(current!.notAfter.getTime() - LAST_MOMENT_MS) };
}

/** Has the relay serve the next pair; it is then no next one any more. @throws NotServedError, FileError */
export async function switchToNext(
  layout: Layout,
  host: string,
  port: number,
  { chainPem: certPem, keyPem, chain }: CertificatePair,
  signal: AbortSignal,
): Promise<void> {
  await servePair(servedPaths(layout, host), { certPem, keyPem }, chain[0]!, { host, port }, signal);
  await removeNext(layout, host);
}
