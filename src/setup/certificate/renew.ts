/** Renews a certificate of an authority when it is due, and has the relay serve it. */
import { X509Certificate } from 'node:crypto';
import { type Wait, waitBefore, withFailure } from '../../cert/acme/attempts.ts';
import { AcmeError } from '../../cert/acme/failure.ts';
import { fetchDirectory } from '../../cert/acme/fetch-directory.ts';
import { OrderError, type OrderObstacle } from '../../cert/acme/obstacle.ts';
import type { OrderProgress } from '../../cert/acme/order.ts';
import { fetchRenewalInfo } from '../../cert/acme/renewal-info.ts';
import { type Renewal, type RenewalWindow, renewalOf } from '../../cert/acme/schedule.ts';
import { openStore } from '../../cert/acme/store.ts';
import type { CertificateOrder } from '../../deploy/steps.ts';
import { setEntryMode, setEntryOwner } from '../../system/file-access.ts';
import { ensureDirectory } from '../../system/files.ts';
import { openTrustedDirectory } from '../../system/trusted-directory.ts';
import { issueOrder } from './issue.ts';
import { installedPair, openConnection } from './order.ts';
import { glanceAtStore } from './order-memory.ts';
import type { CertificatePair } from './pair.ts';
import {
  type CertificateFilesOf,
  installedServing,
  NotServedError,
  type Serving,
  servedPaths,
  servePair,
} from './serving.ts';

/** What became of it. `notAfter`: of the certificate that is served then; undefined where there is none. */
export type RenewalOutcome =
  | { kind: 'not-due'; notAfter: Date; renewal: Renewal }
  | { kind: 'waiting'; notAfter: Date | undefined; wait: Wait; detail: string }
  | { kind: 'renewed'; notAfter: Date; window: RenewalWindow | undefined }
  | { kind: 'failed'; notAfter: Date | undefined; obstacle: OrderObstacle }
  | { kind: 'not-served'; notAfter: Date | undefined; port: number };

/** What is renewed, and how. */
export interface RenewInput {
  order: CertificateOrder;
  layout: CertificateFilesOf;
  /** Whether or not it is due; what has failed lately may be tried again. */
  force: boolean;
  environment: Record<string, string | undefined>;
  signal: AbortSignal;
  /** Who serves it; the installed relay when absent. */
  serving?: Serving;
  onProgress?(progress: OrderProgress): void;
}

/** The authority's own wish, as far as it can be asked. */
async function windowOf(pair: CertificatePair, { order, environment, signal }: RenewInput) {
  const connection = await openConnection(environment, signal);
  try {
    const { directory } = await fetchDirectory(order.directoryUrl, connection);
    return (await fetchRenewalInfo(directory, pair.chain[0]!, connection))?.window;
  } catch (error) {
    if (error instanceof AcmeError) return undefined;
    throw error;
  } finally {
    connection.close();
  }
}

/** Makes sure of the directory for accounts and answers, which a run without an order may have left out. */
async function prepareDirectory(path: string, group: number | undefined): Promise<void> {
  if ((await ensureDirectory(path, 0o750)) === undefined) return;
  await setEntryMode(path, 0o750);
  if (group !== undefined) await setEntryOwner(path, { uid: process.getuid?.() ?? 0, gid: group });
}

async function rememberNotServed({ order }: RenewInput, port: number): Promise<void> {
  const directory = await openTrustedDirectory(order.acmeDirectory);
  try {
    const store = openStore(directory.path);
    const memory = await store.readMemory(order.host, order.directoryUrl);
    const failure = { at: new Date(), reason: 'not-served' as const, detail: `port ${port}` };
    await store.writeMemory(withFailure(memory, failure));
  } finally {
    await directory.close();
  }
}

/**
 * Renews if it is due. Whatever goes wrong, the certificate that was served goes on being served.
 * @throws FileError, CommandError, or what the signal was aborted with
 */
export async function renewOrdered(input: RenewInput): Promise<RenewalOutcome> {
  const { order, layout, force, environment, signal, serving = installedServing, onProgress } = input;
  const { host, derpPort: port } = order;
  const now = new Date();
  const pair = await installedPair(layout, host, now);
  const good = pair !== undefined && !pair.selfSigned ? pair : undefined;
  const leaf = good?.chain[0];
  const window = good && (await windowOf(good, input));
  if (good && leaf && !force) {
    const renewal = renewalOf(
      { notBefore: new Date(leaf.validFrom), notAfter: good.notAfter },
      leaf.fingerprint256,
      window,
    );
    if (renewal.at > now) return { kind: 'not-due', notAfter: good.notAfter, renewal };
  }
  const asker = force ? 'person' : 'timer';
  const { memory } = await glanceAtStore(order);
  const wait = memory && waitBefore(memory, asker, now);
  if (wait) return { kind: 'waiting', notAfter: pair?.notAfter, wait, detail: memory.failures.at(-1)?.detail ?? '' };
  const { group } = await serving.ownership();
  await prepareDirectory(order.acmeDirectory, group);
  try {
    const issued = await issueOrder(order, {
      environment,
      signal,
      asker,
      replaces: leaf,
      ...(group !== undefined && { challengeOwner: { uid: process.getuid?.() ?? 0, gid: group } }),
      ...(onProgress && { onProgress }),
    });
    await servePair(
      servedPaths(layout, host),
      issued,
      new X509Certificate(issued.certPem),
      { host, port },
      signal,
      serving,
    );
    return { kind: 'renewed', notAfter: issued.notAfter, window };
  } catch (error) {
    if (error instanceof NotServedError) {
      await rememberNotServed(input, port);
      return { kind: 'not-served', notAfter: pair?.notAfter, port };
    }
    if (!(error instanceof OrderError)) throw error;
    return { kind: 'failed', notAfter: pair?.notAfter, obstacle: error.obstacle };
  }
}
