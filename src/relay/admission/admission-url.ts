import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { formatPublicKey } from '../../protocol/keys.ts';
import { defaults } from '../defaults.ts';
import type { Claimant } from '../sessions/admission.ts';
import { askOverHttp, HttpQuestionError } from './http-question.ts';
import { type AdmissionSource, type Answer, QuestionError } from './source.ts';

/**
 * Reads `{"Allow": true}`. The field's case does not matter, as it does not to derper (Go); anything but one true or
 * false is no answer. Source: tailscale `tailcfg.DERPAdmitClientResponse`.
 * @throws QuestionError
 */
export function parseAdmissionAnswer(body: string): boolean {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new QuestionError('the admission URL answers with something that is not JSON');
  }
  const fields = typeof json === 'object' && json !== null ? Object.entries(json) : [];
  const [allow, ...more] = fields.filter(([name]) => name.toLowerCase() === 'allow');
  if (allow === undefined || more.length > 0 || typeof allow[1] !== 'boolean') {
    throw new QuestionError('the admission URL answers without {"Allow": true or false}');
  }
  return allow[1];
}

/**
 * An admission controller at a URL, asked as derper asks it: `POST {"NodePublic": "nodekey:…", "Source": "<address>"}`.
 * Headscale answers this at `/verify`. Redirects are not followed: who may use the relay is said at the URL that was
 * configured, or not at all.
 */
export class AdmissionUrl implements AdmissionSource {
  readonly name = 'url';
  readonly #url: URL;
  readonly #timeout: number;
  readonly #agent: HttpAgent;

  /** @param url http or https @param timeout milliseconds for one answer, all attempts together */
  constructor(url: URL, timeout: number = defaults.admissionTimeout) {
    this.#url = url;
    this.#timeout = timeout;
    const options = {
      keepAlive: true,
      maxSockets: defaults.admissionConnections,
      timeout: defaults.admissionIdleConnection,
    };
    this.#agent = url.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
  }

  subjectOf({ key, address }: Claimant): string {
    return `${key.toString('latin1')}${address}`;
  }

  async ask({ key, address }: Claimant): Promise<Answer> {
    const body = JSON.stringify({ NodePublic: formatPublicKey(key), Source: address });
    const deadline = performance.now() + this.#timeout;
    // Once it has been reached, what goes wrong afterwards is its own failure, not the network's.
    let reached = false;
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#attempt(body, deadline);
      if (!(outcome instanceof Failure)) {
        return outcome ? { allow: true } : { allow: false, reason: 'the admission URL says no' };
      }
      reached ||= !outcome.unreachable;
      const pause = defaults.admissionRetryPause * (attempt + 1) * (0.5 + Math.random());
      const again = outcome.worthRetrying && attempt < defaults.admissionRetries;
      if (!again || performance.now() + pause >= deadline) {
        throw new QuestionError(outcome.reason, { cause: outcome.cause, unreachable: !reached });
      }
      await delay(pause);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #attempt(body: string, deadline: number): Promise<boolean | Failure> {
    try {
      const answer = await askOverHttp({
        to: this.#url,
        method: 'POST',
        body,
        agent: this.#agent,
        deadline,
        maxBytes: defaults.admissionUrlAnswerBytes,
      });
      if (answer.status === 200) return parseAdmissionAnswer(answer.body);
      const hint = answer.status >= 300 && answer.status < 400 ? ', a redirect, which is not followed' : '';
      const reason = `the admission URL answers with status ${answer.status}${hint}`;
      return new Failure(reason, { worthRetrying: answer.status >= 500 });
    } catch (error) {
      if (!(error instanceof HttpQuestionError)) throw error;
      const { problem, message } = error;
      if (problem === 'late') {
        const reason = `the admission URL does not answer within ${this.#timeout / 1000} s`;
        return new Failure(reason, { unreachable: true, cause: error });
      }
      const unreachable = problem === 'unreachable';
      const reason = `the admission URL ${unreachable ? 'cannot be reached' : 'cannot be understood'}: ${message}`;
      return new Failure(reason, { unreachable, worthRetrying: unreachable || problem === 'cut-off', cause: error });
    }
  }
}

/** One attempt that brought no answer. */
class Failure {
  readonly reason: string;
  readonly unreachable: boolean;
  readonly worthRetrying: boolean;
  readonly cause: unknown;

  constructor(reason: string, facts: { unreachable?: boolean; worthRetrying?: boolean; cause?: unknown }) {
    this.reason = reason;
    this.unreachable = facts.unreachable ?? false;
    this.worthRetrying = facts.worthRetrying ?? false;
    this.cause = facts.cause;
  }
}
