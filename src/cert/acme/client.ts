/**
 * acme-client, on our own connection: its low-level calls, with the authority's problem documents as typed errors. It
 * would wait for as long as a Retry-After says, without an end and unheard by any signal; here that is the caller's.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Authorization, Client, Order } from 'acme-client';
import type { AcmeAnswer, AcmeConnection, AcmeRequest } from './connection.ts';
import { AcmeError, type AcmeStage, errorOfProblem, parseProblem, parseRetryAfter } from './failure.ts';

/** An external account to which a new account is bound (RFC 8555, 7.3.4). The key is a secret. */
export interface ExternalAccount {
  keyId: string;
  /** Base64url, as authorities give it. */
  macKey: string;
}

/** Whose orders they are. */
export interface AcmeClientOptions {
  directoryUrl: string;
  /** PEM, a secret. */
  accountKey: string;
  /** Known from earlier orders: the account is not looked up again. */
  accountUrl?: string | undefined;
  externalAccount?: ExternalAccount | undefined;
}

/** What calls of one client share. */
interface Exchange {
  connection: AcmeConnection;
  stage: AcmeStage;
  withExternalAccount: boolean;
  /** The last answer's wish for the next question, if it had one. */
  retryAt: Date | undefined;
  /** The last answer that was refused for its nonce, which acme-client asks again a few times. */
  badNonce: AcmeError | undefined;
}

const exchanges = new AsyncLocalStorage<Exchange>();

/** What acme-client's transport, axios, hands to an adapter, as far as it matters. */
interface AdapterRequest {
  url?: string;
  method?: string;
  data?: unknown;
}

const isBadNonce = ({ status, body }: AcmeAnswer) =>
  status === 400 && parseProblem(body).type === 'urn:ietf:params:acme:error:badNonce';

/** Answers one request of acme-client's. Failures are thrown here, where everything about them is known. */
async function exchange(config: AdapterRequest) {
  const current = exchanges.getStore();
  if (current === undefined) throw new Error('acme-client was used outside of an exchange');
  const { connection, stage, withExternalAccount } = current;
  const method = (config.method ?? 'get').toUpperCase() as AcmeRequest['method'];
  const answer = await connection.send({
    method,
    url: config.url ?? '',
    stage,
    ...(typeof config.data === 'string' && { body: config.data }),
    headers: { 'Content-Type': 'application/jose+json' },
  });
  const { status, headers, body } = answer;
  current.retryAt = parseRetryAfter(headers['retry-after'], new Date());
  if (status >= 400) {
    const error = errorOfProblem(parseProblem(body), {
      status,
      stage,
      retryAt: current.retryAt,
      withExternalAccount,
    });
    if (!isBadNonce(answer)) throw error;
    current.badNonce = error;
  }
  return { data: body, status, statusText: '', headers, config, request: undefined };
}

/** acme-client, loaded when it is needed: it doubles the time that the program takes to start. */
async function load() {
  const acme = (await import('acme-client')).default;
  const { defaults } = acme.axios;
  defaults.adapter = exchange as unknown as NonNullable<typeof defaults.adapter>;
  return acme;
}

/** One account at one authority. */
export interface AcmeClient {
  readonly accountUrl: string;
  /**
   * Calls acme-client at a stage of the order.
   * @throws AcmeError
   */
  call<T>(stage: AcmeStage, work: (client: Client) => Promise<T>): Promise<T>;
  /** When the last answer wants the next question, if it said so. */
  retryAt(): Date | undefined;
}

/** A new account key: ECDSA P-256, PKCS #8 PEM. */
export async function makeAccountKey(): Promise<string> {
  return String(await (await load()).crypto.createPrivateEcdsaKey());
}

/** A key pair for a certificate, and the request for it; the name goes into the SAN alone. */
export async function makeRequest(host: string): Promise<{ keyPem: string; request: string }> {
  const { crypto } = await load();
  const key = await crypto.createPrivateEcdsaKey();
  const [, request] = await crypto.createCsr({ altNames: [host] }, key);
  return { keyPem: String(key), request: String(request) };
}

/** The certificate that answers a tls-alpn-01 challenge (RFC 8737), with its key, as one PEM text: a secret. */
export async function makeAlpnPair(authorization: Authorization, keyAuthorization: string): Promise<AlpnPair> {
  const { crypto } = await load();
  const key = await crypto.createPrivateEcdsaKey();
  const [, certificate] = await crypto.createAlpnCertificate(authorization, keyAuthorization, key);
  return { certPem: `${String(certificate).trim()}\n`, keyPem: String(key) };
}

/** A certificate and its key. */
export interface AlpnPair {
  certPem: string;
  keyPem: string;
}

/**
 * Opens the account: the known one, or by its key the one that the authority has, or a new one. The terms of service
 * are agreed to, as every authority demands.
 * @throws AcmeError
 */
export async function openAccount(
  { directoryUrl, accountKey, accountUrl, externalAccount }: AcmeClientOptions,
  connection: AcmeConnection,
  email: string | undefined,
): Promise<AcmeClient> {
  const acme = await load();
  const client = new acme.Client({
    directoryUrl,
    accountKey,
    ...(accountUrl !== undefined && { accountUrl }),
    ...(externalAccount && {
      externalAccountBinding: { kid: externalAccount.keyId, hmacKey: externalAccount.macKey },
    }),
  });
  const withExternalAccount = externalAccount !== undefined;
  let last: Exchange | undefined;
  const call: AcmeClient['call'] = async (stage, work) => {
    const current: Exchange = { connection, stage, withExternalAccount, retryAt: undefined, badNonce: undefined };
    last = current;
    try {
      return await exchanges.run(current, () => work(client));
    } catch (error) {
      if (error instanceof AcmeError || current.badNonce === undefined) throw error;
      throw current.badNonce;
    }
  };
  if (accountUrl === undefined) {
    const contact = email === undefined ? {} : { contact: [`mailto:${email}`] };
    // Asked first by the key alone: an account that is there is not changed but for the address.
    const found = await call('account', () => client.createAccount({ onlyReturnExisting: true })).catch((error) => {
      if (error instanceof AcmeError && error.reason === 'account-unknown') return undefined;
      throw error;
    });
    if (found === undefined) {
      await call('account', () => client.createAccount({ termsOfServiceAgreed: true, ...contact }));
    } else if (email !== undefined) await call('account', () => client.updateAccount(contact));
  }
  return { accountUrl: client.getAccountUrl(), call, retryAt: () => last?.retryAt };
}

export type { Authorization, Order };
