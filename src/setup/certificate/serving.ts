/** Has the running relay take up a new certificate, and looks whether it does. */
import type { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Layout, layoutBelow, RELAY_USER } from '../../deploy/layout.ts';
import { PRIVATE_FILE, PUBLIC_FILE } from '../../deploy/steps.ts';
import { NginxError, testNginx } from '../../system/nginx.ts';
import { findUser } from '../../system/users.ts';
import { readSavedAnswers } from '../answers/documents.ts';
import { nginxEndsTls } from '../answers/questions.ts';
import { reloadAndWait } from '../nginx/running.ts';
import { installedRunner, type RelayRunner } from '../relay-runner.ts';
import { readServedChain } from '../status/served-certificate.ts';
import { type PairOwnership, type PairPaths, type PairTexts, restorePair, writePair } from './store.ts';

/** How long the relay may take to serve a new certificate, milliseconds; it reads files again within a second or two. */
const TAKE_UP_MS = 20_000;
const POLL_MS = 250;

/** The relay did not take up the pair; the one before is back in its place, if there was one. */
export class NotServedError extends Error {
  override readonly name = 'NotServedError';
  readonly port: number;
  readonly restored: boolean;

  constructor(port: number, restored: boolean) {
    super(`the new certificate is not served on port ${port}`);
    this.port = port;
    this.restored = restored;
  }
}

/** The relay's own user, whose the files are. */
export async function relayOwnership(): Promise<PairOwnership & { group: number | undefined }> {
  const user = await findUser(RELAY_USER);
  const owner = user && { uid: user.uid, gid: user.gid };
  return { certMode: PUBLIC_FILE, keyMode: PRIVATE_FILE, owner, group: user?.gid };
}

/** Whether a certificate is the one that is presented on a port of this machine. */
export async function isServed(
  leaf: X509Certificate,
  { host, port }: { host: string; port: number },
  signal: AbortSignal,
): Promise<boolean> {
  const chain = await readServedChain(host, port, signal);
  return chain?.[0]?.fingerprint256 === leaf.fingerprint256;
}

/** Waits until a certificate is the one that is presented: a reload is only a signal. False when that takes too long. */
export async function becomesServed(
  leaf: X509Certificate,
  { host, port, withinMs }: { host: string; port: number; withinMs: number },
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (!(await isServed(leaf, { host, port }, signal))) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS, undefined, { signal });
  }
  return true;
}

/** Who serves a certificate, and whose its files are. */
export interface Serving {
  runner(): Promise<RelayRunner>;
  ownership(): Promise<PairOwnership & { group: number | undefined }>;
  /** Has something before the relay read the certificate, where that ends TLS. */
  reloadFront?(): Promise<void>;
}

/** Has nginx read the certificate, where that ends TLS. What it has against that shows in what is served then. */
async function reloadFront(): Promise<void> {
  const { document } = await readSavedAnswers(layoutBelow('/').config);
  const { deploy, front } = document?.values ?? {};
  if (!nginxEndsTls({ deploy, front })) return;
  try {
    await testNginx();
    await reloadAndWait();
  } catch (error) {
    if (!(error instanceof NginxError)) throw error;
  }
}

/** The relay that is installed on this machine. */
export const installedServing: Serving = {
  runner: installedRunner,
  ownership: relayOwnership,
  reloadFront,
};

/** Files of whoever runs this. */
const ownFiles: Serving['ownership'] = async () => ({
  certMode: PUBLIC_FILE,
  keyMode: PRIVATE_FILE,
  owner: undefined,
  group: undefined,
});

/** A relay inside this process, whose files are its user's. */
export function ownServing(relay: { reload(): Promise<void> }): Serving {
  const runner: RelayRunner = { state: async () => 'running', reload: () => relay.reload(), start: async () => {} };
  return { runner: async () => runner, ownership: ownFiles };
}

/** Nobody yet: the relay is started afterwards. */
export const notServing: Serving = {
  runner: async () => ({ state: async () => 'stopped', reload: async () => {}, start: async () => {} }),
  ownership: ownFiles,
};

/** Has the relay read its certificate; false where somebody has stopped it, who does not want it started at night. */
async function takeUp(serving: Serving): Promise<boolean> {
  // It serves whether or not the relay runs.
  await serving.reloadFront?.();
  const runner = await serving.runner();
  const state = await runner.state();
  if (state === 'stopped') return false;
  if (state === 'running') await runner.reload();
  // Without a certificate it could not start.
  else await runner.start();
  return true;
}

/** Where the certificate of a host is. */
export type CertificateFilesOf = Pick<Layout, 'certificate' | 'certificateKey'>;

/** The files of the relay's pair. */
export function servedPaths(layout: CertificateFilesOf, host: string): PairPaths {
  return { certFile: layout.certificate(host), keyFile: layout.certificateKey(host) };
}

/**
 * Puts a pair in the place of the one that is served, has the relay read it, and looks at what clients see. When that is
 * something else, the pair before is put back.
 * @throws NotServedError, FileError
 */
export async function servePair(
  paths: PairPaths,
  texts: PairTexts,
  leaf: X509Certificate,
  { host, port }: { host: string; port: number },
  signal: AbortSignal,
  serving = installedServing,
): Promise<void> {
  const { certMode, keyMode, owner } = await serving.ownership();
  await writePair(paths, texts, { certMode, keyMode, owner });
  try {
    if (!(await takeUp(serving))) return;
    if (!(await becomesServed(leaf, { host, port, withinMs: TAKE_UP_MS }, signal)))
      throw new NotServedError(port, false);
  } catch (error) {
    const restored = await restorePair(paths);
    if (restored) await takeUp(serving).catch(() => {});
    throw error instanceof NotServedError ? new NotServedError(port, restored) : error;
  }
}
