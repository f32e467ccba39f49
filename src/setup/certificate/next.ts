/** The self-signed certificate that comes next: made in time and told of, it waits beside the one that is served. */
import type { Layout } from '../../deploy/layout.ts';
import { type CertificatePair, readCertificatePair } from './pair.ts';
import type { PairPaths } from './store.ts';

const DAY_MS = 24 * 3600 * 1000;
/** From so many days before the end on, there is a next one. */
export const PREPARE_DAYS = 30;
/** With less than this left it takes its place by itself: a changed pin cuts clients off, and so does an ended one. */
export const LAST_MOMENT_MS = DAY_MS;

/** Where the next pair waits. */
export function nextPaths(layout: Layout, host: string): PairPaths {
  const named = (path: string) => path.replace(/\.(crt|key)$/, '.next.$1');
  return { certFile: named(layout.certificate(host)), keyFile: named(layout.certificateKey(host)) };
}

/** The pair that waits, if it is good for the host and lasts. */
export async function readNext(layout: Layout, host: string, now: Date): Promise<CertificatePair | undefined> {
  const paths = nextPaths(layout, host);
  const blame = { cert: { subject: paths.certFile }, key: { subject: paths.keyFile } };
  const { pair } = await readCertificatePair({ ...paths, blame }, host, now);
  // One that was made long ago and never used would not last.
  return pair && pair.notAfter.getTime() - now.getTime() > PREPARE_DAYS * DAY_MS ? pair : undefined;
}
