/** Carries an order out: the account's directory opened safely, the way chosen by what the machine is like now. */
import type { X509Certificate } from 'node:crypto';
import type { Asker } from '../../cert/acme/attempts.ts';
import type { ExternalAccount } from '../../cert/acme/client.ts';
import { type Issued, issueCertificate } from '../../cert/acme/issue.ts';
import { OrderError } from '../../cert/acme/obstacle.ts';
import type { OrderProgress } from '../../cert/acme/order.ts';
import { type AcmeStore, emptyStore, openStore } from '../../cert/acme/store.ts';
import type { CertificateOrder } from '../../deploy/steps.ts';
import type { Ids } from '../../system/files.ts';
import { openTrustedDirectory } from '../../system/trusted-directory.ts';
import { readMacKey } from './account.ts';
import { openConnection } from './order.ts';
import { findWay } from './way.ts';

/** How an order is carried out. */
export interface IssueUse {
  environment: Record<string, string | undefined>;
  signal: AbortSignal;
  asker: Asker;
  /** For whom answers in the challenge folder are readable: root, and the relay's group. */
  challengeOwner?: Ids | undefined;
  replaces?: X509Certificate | undefined;
  onProgress?(progress: OrderProgress): void;
}

async function externalAccountOf({ externalAccount }: CertificateOrder): Promise<ExternalAccount | undefined> {
  if (externalAccount === undefined) return undefined;
  const key = await readMacKey(externalAccount.keyFile);
  // With an account that is there already the key is not needed any more, and may be gone.
  return 'rule' in key ? undefined : { keyId: externalAccount.keyId, macKey: key.macKey };
}

async function issueWith(order: CertificateOrder, store: AcmeStore, folder: string, use: IssueUse): Promise<Issued> {
  const found = await findWay(order);
  if ('obstacle' in found) throw new OrderError(found.obstacle);
  const connection = await openConnection(use.environment, use.signal);
  const { host, directoryUrl, email } = order;
  const { asker, replaces, signal, challengeOwner, onProgress } = use;
  try {
    const externalAccount = await externalAccountOf(order);
    return await issueCertificate(
      { host, directoryUrl, email, externalAccount, way: found.way, asker, replaces },
      { connection, store, signal, challengeFolder: folder, challengeOwner, ...(onProgress && { onProgress }) },
    );
  } finally {
    connection.close();
  }
}

/**
 * Orders the certificate; its account is kept below the order's directory, which must be there.
 * @throws OrderError, FileError, or what the signal was aborted with
 */
export async function issueOrder(order: CertificateOrder, use: IssueUse): Promise<Issued> {
  const directory = await openTrustedDirectory(order.acmeDirectory);
  try {
    return await issueWith(order, openStore(directory.path), directory.path, use);
  } finally {
    await directory.close();
  }
}

/**
 * Orders the certificate of another directory, whose certificates nobody trusts, and throws it away. Nothing is written:
 * `undefined` where the running relay would have to answer, or something that has yet to be told to, which takes files.
 * @throws OrderError, or what the signal was aborted with
 */
export async function rehearseOrder(
  order: CertificateOrder,
  directoryUrl: string,
  use: Omit<IssueUse, 'asker'>,
): Promise<Issued | undefined> {
  const found = await findWay(order);
  if ('way' in found && (found.way.by === 'relay' || (found.way.frontPort && order.behind?.pending))) return undefined;
  const { email: _, externalAccount: __, ...rest } = order;
  return issueWith({ ...rest, directoryUrl }, emptyStore(), '', { ...use, asker: 'person' });
}
