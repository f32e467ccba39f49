/** Gets a certificate: looks first, opens the account, orders, and remembers how it went. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Ids } from '../../system/files.ts';
import { withSelfCheck } from './ask-ourselves.ts';
import { type Asker, waitBefore, withFailure, withSuccess } from './attempts.ts';
import { type AcmeClient, type ExternalAccount, makeAccountKey, openAccount } from './client.ts';
import type { AcmeConnection } from './connection.ts';
import { chooseProfile } from './directory.ts';
import { examineOrder, type Looks } from './examine.ts';
import { AcmeError } from './failure.ts';
import { createFolderResponder } from './folder-responder.ts';
import { identifierOf } from './identifier.ts';
import { OrderError, obstacleOf } from './obstacle.ts';
import { type IssuedCertificate, type OrderProgress, orderCertificate } from './order.ts';
import { portResponderOf } from './port-responder.ts';
import { renewalName } from './renewal-info.ts';
import type { AcmeStore } from './store.ts';
import type { ChallengeWay } from './way.ts';

/** What is wanted, of whom, and how it is proved. */
export interface IssueInput {
  host: string;
  directoryUrl: string;
  email?: string | undefined;
  externalAccount?: ExternalAccount | undefined;
  way: ChallengeWay;
  /** The certificate whose place the new one takes. */
  replaces?: X509Certificate | undefined;
  asker: Asker;
}

/** What it takes. */
export interface IssueContext {
  connection: AcmeConnection;
  store: AcmeStore;
  /** The folder that the running relay serves, and for whom files in it are to be readable. */
  challengeFolder: string;
  challengeOwner?: Ids | undefined;
  signal: AbortSignal;
  onProgress?(progress: OrderProgress): void;
  looks?: Looks;
  validationMs?: number;
}

/** A certificate that was issued just now. */
export interface Issued extends IssuedCertificate {
  profile: string | undefined;
  notAfter: Date;
}

/** The account's key: the one that is there, or a new one. A damaged one is replaced: accounts cost nothing. */
async function accountKey(store: AcmeStore): Promise<string> {
  const found = await store.readKey();
  try {
    if (found !== undefined) {
      createPrivateKey(found);
      return found;
    }
  } catch {
    // Falls through to a new one.
  }
  const made = await makeAccountKey();
  await store.writeKey(made);
  return made;
}

async function account(
  { directoryUrl, email, externalAccount }: IssueInput,
  { store, connection }: IssueContext,
): Promise<AcmeClient> {
  const key = await accountKey(store);
  const known = await store.readAccount(directoryUrl);
  const accountUrl = known !== undefined && known.email === email ? known.url : undefined;
  const options = { directoryUrl, accountKey: key, accountUrl, externalAccount };
  const client = await openAccount(options, connection, email);
  if (accountUrl === undefined) {
    await store.writeAccount(directoryUrl, { url: client.accountUrl, ...(email !== undefined && { email }) });
  }
  return client;
}

/** The certificate's name for the authority, if it is the same one that is asked now. */
async function replacedName({ replaces }: IssueInput, known: string | undefined): Promise<string | undefined> {
  if (replaces === undefined || known !== replaces.fingerprint256) return undefined;
  return renewalName(replaces);
}

async function order(input: IssueInput, context: IssueContext, remembered: string | undefined): Promise<Issued> {
  const { host, directoryUrl, externalAccount, way } = input;
  const { connection, store, signal, challengeFolder, challengeOwner, validationMs } = context;
  const hasAccount = (await store.readAccount(directoryUrl)) !== undefined;
  const intended = { host, directoryUrl, way, hasAccount, hasExternalAccount: externalAccount !== undefined };
  const { directory, addresses } = await examineOrder(intended, connection, signal, context.looks);
  const identifier = identifierOf(host);
  const profile = chooseProfile(identifier, directory);
  const replaces = directory.renewalInfo === undefined ? undefined : await replacedName(input, remembered);
  const shown = way.by === 'relay' ? createFolderResponder(challengeFolder, challengeOwner) : portResponderOf(way);
  const { challenge } = way;
  const local = context.looks?.local();
  const responder = withSelfCheck(shown, { addresses, way, ...(local && { local }) });
  const attempt = async () => {
    const client = await account(input, context);
    return orderCertificate({ identifier, challenge, profile, replaces }, client, {
      responder,
      signal,
      ...(context.onProgress && { onProgress: context.onProgress }),
      ...(validationMs !== undefined && { validationMs }),
    });
  };
  const issued = await attempt().catch(async (error: unknown) => {
    // The authority has forgotten the account, or was set up anew: its key opens another one.
    if (!(error instanceof AcmeError) || error.reason !== 'account-unknown' || !hasAccount) throw error;
    await store.writeAccount(directoryUrl, undefined);
    return attempt();
  });
  return { ...issued, profile, notAfter: new Date(new X509Certificate(issued.certPem).validTo) };
}

/**
 * Gets a certificate. A failure that the authority has counted, or that it wants to be left alone for, is remembered.
 * @throws OrderError with the obstacle, or what the signal was aborted with
 */
export async function issueCertificate(input: IssueInput, context: IssueContext): Promise<Issued> {
  const { store, signal } = context;
  const memory = await store.readMemory(input.host, input.directoryUrl);
  const wait = waitBefore(memory, input.asker, new Date());
  if (wait !== undefined) {
    const detail = memory.failures.at(-1)?.detail ?? '';
    throw new OrderError({ code: 'order-waits', until: wait.until.toISOString(), by: wait.by, detail });
  }
  try {
    const issued = await order(input, context, memory.issued?.fingerprint);
    const fingerprint = new X509Certificate(issued.certPem).fingerprint256;
    const { profile } = issued;
    await store.writeMemory(
      withSuccess(memory, { at: new Date(), fingerprint, ...(profile !== undefined && { profile }) }),
    );
    return issued;
  } catch (error) {
    if (signal.aborted) throw error;
    const obstacle = obstacleOf(error, input);
    if (obstacle === undefined) throw error;
    // Whoever was not reached has counted nothing.
    if (error instanceof AcmeError && (error.stage !== 'directory' || error.retryAt !== undefined)) {
      const { reason, message, retryAt } = error;
      const failure = { at: new Date(), reason, detail: message, ...(retryAt !== undefined && { retryAt }) };
      await store.writeMemory(withFailure(memory, failure));
    }
    throw new OrderError(obstacle, error);
  }
}
