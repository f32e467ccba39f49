import { Agent } from 'node:http';
import { performance } from 'node:perf_hooks';
import { formatPublicKey } from '../../protocol/keys.ts';
import { defaults } from '../defaults.ts';
import type { Claimant } from '../sessions/admission.ts';
import { askOverHttp, type HttpAnswer, HttpQuestionError } from './http-question.ts';
import { type AdmissionSource, type Answer, QuestionError } from './source.ts';
import { readStatus, readWhoIs, type TailscaledStatus } from './tailscaled-answers.ts';

/** tailscaled takes requests for this host only. Source: tailscale `client/local`, `apitype.LocalAPIHost`. */
const HOST = 'local-tailscaled.sock';

/**
 * The tailscaled of this machine: knows the nodes of its tailnet that its access rules let it see.
 * derper asks the same question (`WhoIsNodeKey`). The socket is looked up by its path for each connection, so a
 * tailscaled that was restarted is found again.
 */
export class Tailscaled implements AdmissionSource {
  readonly name = 'tailscaled';
  readonly #socket: string;
  readonly #timeout: number;
  readonly #agent = new Agent({
    keepAlive: true,
    maxSockets: defaults.admissionConnections,
    timeout: defaults.admissionIdleConnection,
  });

  /** @param socket the path of tailscaled's unix socket @param timeout milliseconds for one answer */
  constructor(socket: string, timeout: number = defaults.admissionTimeout) {
    this.#socket = socket;
    this.#timeout = timeout;
  }

  subjectOf({ key }: Claimant): string {
    return key.toString('latin1');
  }

  async ask({ key }: Claimant): Promise<Answer> {
    const deadline = performance.now() + this.#timeout;
    const nodeKey = formatPublicKey(key);
    if (await this.#knows(nodeKey, deadline)) return { allow: true };
    const { state, knowsTailnet, ownKey } = await this.#status(deadline);
    // Without a list of nodes every key is unknown, the members' too.
    if (!knowsTailnet) throw new QuestionError(`tailscaled is not connected to a tailnet (its state is ${state})`);
    // Some releases (1.84) know every node but their own.
    return nodeKey === ownKey ? { allow: true } : { allow: false, reason: 'not in this tailnet' };
  }

  async check(): Promise<void> {
    const deadline = performance.now() + this.#timeout;
    const { state, knowsTailnet, ownKey } = await this.#status(deadline);
    if (!knowsTailnet || ownKey === undefined) {
      throw new QuestionError(`tailscaled is not connected to a tailnet (its state is ${state})`);
    }
    // It finds a tailscaled that is too old for the question before the first client does.
    await this.#knows(ownKey, deadline);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #knows(nodeKey: string, deadline: number): Promise<boolean> {
    const answer = await this.#get(`/localapi/v0/whois?addr=${encodeURIComponent(nodeKey)}`, deadline);
    return readWhoIs(answer, nodeKey);
  }

  async #status(deadline: number): Promise<TailscaledStatus> {
    return readStatus(await this.#get('/localapi/v0/status?peers=false', deadline));
  }

  async #get(path: string, deadline: number): Promise<HttpAnswer> {
    try {
      return await askOverHttp({
        to: { socketPath: this.#socket, host: HOST, path },
        method: 'GET',
        agent: this.#agent,
        deadline,
        maxBytes: defaults.tailscaledAnswerBytes,
      });
    } catch (error) {
      if (error instanceof HttpQuestionError) throw this.#describe(error);
      throw error;
    }
  }

  #describe(error: HttpQuestionError): QuestionError {
    const { problem, code, message } = error;
    const unreachable = problem === 'unreachable' || problem === 'late';
    const because = (reason: string) => new QuestionError(`tailscaled ${reason}`, { cause: error, unreachable });
    if (problem === 'late') return because(`does not answer within ${this.#timeout / 1000} s`);
    if (problem !== 'unreachable') return because(`cannot be understood: ${message}`);
    switch (code) {
      case 'ENOENT':
        return because(`does not answer: there is no socket ${this.#socket}`);
      case 'ECONNREFUSED':
        return because(`does not answer: nothing listens at ${this.#socket}`);
      case 'EACCES':
      case 'EPERM':
        return because(`cannot be asked: this user may not open ${this.#socket}`);
      default:
        return because(`does not answer: ${message}`);
    }
  }
}
