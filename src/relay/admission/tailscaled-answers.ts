/** What tailscaled's local API answers, read without trust. Source: tailscale `ipn/localapi`, `ipn/ipnstate`. */
import type { HttpAnswer } from './http-question.ts';
import { QuestionError } from './source.ts';

/** tailscaled knows nodes by key since this release; older ones answer 400. Source: tailscale issue 12617. */
const FIRST_WITH_KEYS = '1.70';

function parseObject(body: string, what: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    json = undefined;
  }
  if (typeof json !== 'object' || json === null) throw new QuestionError(`tailscaled's ${what} is not JSON`);
  return json as Record<string, unknown>;
}

/** A field that is an object itself; undefined otherwise, null included. */
function objectAt(json: Record<string, unknown>, field: string): Record<string, unknown> | undefined {
  const value = json[field];
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

/** The error for a status that answers nothing. */
function unexpectedStatus({ status, headers, body }: HttpAnswer): QuestionError {
  if (status === 400 && body.includes("invalid 'addr' parameter")) {
    const version = String(headers['tailscale-version'] ?? '').slice(0, 40);
    return new QuestionError(
      `tailscaled${version && ` ${version}`} is too old to be asked about keys: update it to ${FIRST_WITH_KEYS} or newer`,
    );
  }
  if (status === 403) return new QuestionError('tailscaled denies this user its local API');
  return new QuestionError(`tailscaled answers with status ${status}`);
}

/**
 * Whether tailscaled knows a node key, by its answer to `whois?addr=nodekey:…`. A node is believed only when it has the
 * very key that was asked for.
 * @throws QuestionError
 */
export function readWhoIs(answer: HttpAnswer, nodeKey: string): boolean {
  if (answer.status === 404) return false;
  if (answer.status !== 200) throw unexpectedStatus(answer);
  const node = objectAt(parseObject(answer.body, 'answer'), 'Node');
  if (node?.Key !== nodeKey) throw new QuestionError('tailscaled answers about another key');
  return true;
}

/** What matters of tailscaled's own state. */
export interface TailscaledStatus {
  /** `Running`, `NeedsLogin` and so on. */
  readonly state: string;
  /** Whether it has a list of the tailnet's nodes; without one it knows nobody, and cannot say no. */
  readonly knowsTailnet: boolean;
  /** This machine's own key, as `nodekey:…`. */
  readonly ownKey: string | undefined;
}

/** Reads the answer to `status?peers=false`. @throws QuestionError */
export function readStatus(answer: HttpAnswer): TailscaledStatus {
  if (answer.status !== 200) throw unexpectedStatus(answer);
  const json = parseObject(answer.body, 'status');
  const state = typeof json.BackendState === 'string' ? json.BackendState.slice(0, 40) : 'unknown';
  const ownKey = objectAt(json, 'Self')?.PublicKey;
  return {
    state,
    knowsTailnet: (state === 'Running' || state === 'Starting') && objectAt(json, 'CurrentTailnet') !== undefined,
    ownKey: typeof ownKey === 'string' ? ownKey : undefined,
  };
}
