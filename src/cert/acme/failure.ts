/** Why an order failed: the authority's problem documents (RFC 7807, RFC 8555 6.7) sorted by what mends them. */

/** What mends each of these is in the message catalogues. */
export type AcmeReason =
  /** No answer from the authority, or none that can be trusted. */
  | 'unreachable'
  | 'untrusted'
  | 'not-a-directory'
  | 'server-error'
  | 'rate-limited'
  | 'bad-nonce'
  | 'too-slow'
  /** The account. */
  | 'account-unknown'
  | 'account-refused'
  | 'external-account-required'
  | 'external-account-refused'
  | 'contact-refused'
  | 'terms-changed'
  /** The order. */
  | 'identifier-refused'
  | 'profile-refused'
  | 'already-replaced'
  | 'challenge-missing'
  | 'request-refused'
  /** The validation. */
  | 'dns'
  | 'caa'
  | 'connection'
  | 'tls'
  | 'wrong-answer'
  | 'other';

/** At which point it failed; the same type of problem means different things. */
export type AcmeStage = 'directory' | 'account' | 'order' | 'validation' | 'issuance';

/** A problem document. */
export interface ProblemDocument {
  type?: string;
  detail?: string;
  status?: number;
  subproblems?: ProblemDocument[];
}

/** An order that failed, with the reason, and the authority's own words in `message`. */
export class AcmeError extends Error {
  override readonly name = 'AcmeError';
  readonly reason: AcmeReason;
  readonly stage: AcmeStage;
  /** Before this moment the authority does not want to be asked again. */
  readonly retryAt: Date | undefined;

  constructor(
    reason: AcmeReason,
    message: string,
    { stage, retryAt, cause }: { stage: AcmeStage; retryAt?: Date | undefined; cause?: unknown },
  ) {
    super(message, { cause });
    this.reason = reason;
    this.stage = stage;
    this.retryAt = retryAt;
  }
}

const PREFIX = 'urn:ietf:params:acme:error:';

/** Types whose meaning does not depend on the stage. */
const BY_TYPE: Record<string, AcmeReason> = {
  accountDoesNotExist: 'account-unknown',
  alreadyReplaced: 'already-replaced',
  badNonce: 'bad-nonce',
  badCSR: 'request-refused',
  badPublicKey: 'request-refused',
  badSignatureAlgorithm: 'request-refused',
  caa: 'caa',
  connection: 'connection',
  dns: 'dns',
  externalAccountRequired: 'external-account-required',
  incorrectResponse: 'wrong-answer',
  invalidContact: 'contact-refused',
  unsupportedContact: 'contact-refused',
  invalidProfile: 'profile-refused',
  rateLimited: 'rate-limited',
  rejectedIdentifier: 'identifier-refused',
  unsupportedIdentifier: 'identifier-refused',
  serverInternal: 'server-error',
  tls: 'tls',
  userActionRequired: 'terms-changed',
};

function reasonOf(type: string, status: number, stage: AcmeStage, withExternalAccount: boolean): AcmeReason {
  if (type === 'unauthorized' || type === 'malformed') {
    if (stage === 'validation') return type === 'unauthorized' ? 'wrong-answer' : 'dns';
    if (stage === 'account') return withExternalAccount ? 'external-account-refused' : 'account-refused';
  }
  const known = BY_TYPE[type];
  if (known !== undefined) return known;
  if (status === 429) return 'rate-limited';
  return status >= 500 ? 'server-error' : 'other';
}

/** What is known of an answer beside its problem document. */
export interface AnswerFacts {
  status: number;
  stage: AcmeStage;
  retryAt?: Date | undefined;
  /** The account was asked for with an external one. */
  withExternalAccount?: boolean;
}

/** One line of somebody else's text, short enough to be shown. */
export function shortLine(text: string): string {
  const line = text.replace(/[\p{C}\s]+/gu, ' ').trim();
  return line.length > 400 ? `${line.slice(0, 399)}…` : line;
}

/** The error for a problem document. Of several problems in one, the first is the one that is told. */
export function errorOfProblem(problem: ProblemDocument, facts: AnswerFacts): AcmeError {
  const { status, stage, retryAt, withExternalAccount = false } = facts;
  const [first] = problem.subproblems ?? [];
  const told = first?.type === undefined ? problem : first;
  const type = String(told.type ?? '').replace(PREFIX, '');
  const detail = [problem.detail, told === problem ? undefined : told.detail].filter(
    (text) => typeof text === 'string',
  );
  const message = shortLine(detail.join(': ')) || `HTTP ${status}${type === '' ? '' : ` (${type})`}`;
  return new AcmeError(reasonOf(type, status, stage, withExternalAccount), message, { stage, retryAt });
}

/** Reads a body as a problem document; an empty one for anything else. */
export function parseProblem(text: string): ProblemDocument {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? (json as ProblemDocument) : {};
  } catch {
    return {};
  }
}

/** Longer than this nobody waits, whatever a header says: thirty days, in milliseconds. */
const LONGEST_WAIT_MS = 30 * 24 * 3600 * 1000;

/** The moment that a Retry-After header names, as seconds or as a date (RFC 9110, 10.2.3); undefined for anything else. */
export function parseRetryAfter(header: string | undefined, now: Date): Date | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const at = /^\d{1,9}$/.test(text) ? now.getTime() + Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(at)) return undefined;
  return new Date(Math.min(at, now.getTime() + LONGEST_WAIT_MS));
}
