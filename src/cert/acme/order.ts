/** One order, from the question to the certificate (RFC 8555, 7.4), each part of it bounded in time. */
import { setTimeout as delay } from 'node:timers/promises';
import { type AcmeClient, type Authorization, makeAlpnPair, makeRequest } from './client.ts';
import { AcmeError, errorOfProblem, type ProblemDocument } from './failure.ts';
import type { AcmeIdentifier, ChallengeType } from './identifier.ts';
import type { Challenge, Responder } from './responder.ts';

/** How long the authority may take to validate a host, and then to issue, milliseconds. */
const VALIDATION_MS = 180_000;
const ISSUANCE_MS = 120_000;
/** How long to wait between two questions, unless the authority names a time; it grows. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/** What is ordered. */
export interface OrderInput {
  identifier: AcmeIdentifier;
  challenge: ChallengeType;
  profile?: string | undefined;
  /** The name, by RFC 9773, of the certificate that this one takes the place of: such orders are not rate-limited. */
  replaces?: string | undefined;
}

/** Where an order is. */
export type OrderProgress = 'ordered' | 'answering' | 'validated' | 'issued';

/** How an order is carried out. */
export interface OrderOptions {
  responder: Responder;
  signal: AbortSignal;
  onProgress?(progress: OrderProgress): void;
  /** Tests wait less. */
  validationMs?: number;
}

/** A chain with its key, PEM; the key is a secret. */
export interface IssuedCertificate {
  certPem: string;
  keyPem: string;
}

/** Asks until there is an answer; a stumble of the network or the authority is not the end while there is time left. */
async function poll<T>(
  look: () => Promise<T | undefined>,
  client: AcmeClient,
  { limitMs, signal, late }: { limitMs: number; signal: AbortSignal; late: () => AcmeError },
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(wait * 1.6, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      const passing = error instanceof AcmeError && ['unreachable', 'server-error', 'bad-nonce'].includes(error.reason);
      if (!passing || Date.now() > deadline) throw error;
    }
    const wanted = (client.retryAt()?.getTime() ?? 0) - Date.now();
    const length = Math.max(wait, Math.min(wanted, LONGEST_PAUSE_MS));
    if (Date.now() + length > deadline) throw late();
    await delay(length, undefined, { signal });
  }
}

/** The error that the authority gave for a challenge or an order. */
function errorOf(error: unknown, stage: 'validation' | 'issuance'): AcmeError {
  const problem = (typeof error === 'object' && error !== null ? error : {}) as ProblemDocument;
  return errorOfProblem(problem, { status: problem.status ?? 403, stage });
}

async function prove(
  authorization: Authorization,
  type: ChallengeType,
  client: AcmeClient,
  { responder, signal, onProgress, validationMs = VALIDATION_MS }: OrderOptions,
): Promise<void> {
  const found = authorization.challenges.find((challenge) => challenge.type === type);
  if (found === undefined) {
    const offered = authorization.challenges.map((challenge) => challenge.type).join(', ');
    throw new AcmeError('challenge-missing', offered, { stage: 'order' });
  }
  const keyAuthorization = await client.call('order', (acme) => acme.getChallengeKeyAuthorization(found));
  const host = authorization.identifier.value;
  const challenge: Challenge =
    type === 'http-01'
      ? { type, host, token: found.token, keyAuthorization }
      : { type, host, pair: await makeAlpnPair(authorization, keyAuthorization) };
  const remove = await responder.present(challenge, signal);
  try {
    onProgress?.('answering');
    await client.call('validation', (acme) => acme.completeChallenge(found));
    await poll(
      async () => {
        const [now] = await client.call('validation', (acme) =>
          acme.getAuthorizations({ authorizations: [authorization.url] } as Parameters<
            typeof acme.getAuthorizations
          >[0]),
        );
        if (now?.status === 'valid') return now;
        if (now === undefined || now.status === 'pending') return undefined;
        const failed = now.challenges.find(({ error }) => error !== undefined && error !== null);
        throw errorOf(failed?.error, 'validation');
      },
      client,
      {
        limitMs: validationMs,
        signal,
        late: () => new AcmeError('too-slow', `${validationMs / 1000} s`, { stage: 'validation' }),
      },
    );
    onProgress?.('validated');
  } finally {
    await remove();
  }
}

/** Starts the order; without what it replaces or the authority has seen that replaced already. */
async function begin({ identifier, profile, replaces }: OrderInput, client: AcmeClient) {
  const place = (more: object) =>
    client.call('order', (acme) => {
      const order = { identifiers: [identifier], ...(profile !== undefined && { profile }), ...more };
      return acme.createOrder(order as Parameters<typeof acme.createOrder>[0]);
    });
  if (replaces === undefined) return place({});
  try {
    return await place({ replaces });
  } catch (error) {
    // Of a certificate that it does not know, or of another account, it says so in several ways.
    const aboutIt = error instanceof AcmeError && ['already-replaced', 'other'].includes(error.reason);
    if (!aboutIt) throw error;
    return place({});
  }
}

/**
 * Orders a certificate with a new key.
 * @throws AcmeError, or what the signal was aborted with
 */
export async function orderCertificate(
  input: OrderInput,
  client: AcmeClient,
  options: OrderOptions,
): Promise<IssuedCertificate> {
  const { signal, onProgress } = options;
  const placed = await begin(input, client);
  onProgress?.('ordered');
  const authorizations = await client.call('order', (acme) => acme.getAuthorizations(placed));
  for (const authorization of authorizations) {
    if (authorization.status === 'valid') continue;
    await prove(authorization, input.challenge, client, options);
  }
  const { keyPem, request } = await makeRequest(input.identifier.value);
  const limits = {
    limitMs: ISSUANCE_MS,
    signal,
    late: () => new AcmeError('too-slow', `${ISSUANCE_MS / 1000} s`, { stage: 'issuance' }),
  };
  let finalized = false;
  const ready = await poll(
    async () => {
      const order = await client.call('issuance', (acme) => acme.getOrder(placed));
      if (order.status === 'invalid') throw errorOf(order.error, 'issuance');
      if (order.status === 'ready' && !finalized) {
        await client.call('issuance', (acme) => acme.finalizeOrder(order, request));
        finalized = true;
        return undefined;
      }
      return order.status === 'valid' ? order : undefined;
    },
    client,
    limits,
  );
  const certPem = await client.call('issuance', (acme) => acme.getCertificate(ready));
  onProgress?.('issued');
  return { certPem: `${certPem.trim()}\n`, keyPem };
}
