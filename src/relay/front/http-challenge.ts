/**
 * The http-01 challenge (RFC 8555, 8.3): a certificate authority fetches `/.well-known/acme-challenge/<token>` from
 * port 80. derp-setup puts the answers into a folder under those very paths.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { readSmallFile } from '../../system/small-file.ts';
import type { Counters } from '../counters.ts';
import { defaults } from '../defaults.ts';
import type { ChallengeTrouble } from './challenge-trouble.ts';

const PATH = '/.well-known/acme-challenge/';
/** base64url, as the RFC says; nothing that could lead out of the folder. */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/** Answers http-01 challenges. */
export class HttpChallenges {
  readonly #directory: string;
  readonly #counters: Counters;
  readonly #trouble: ChallengeTrouble;

  /** @param webroot the folder in which `.well-known/acme-challenge/<token>` are */
  constructor(webroot: string, counters: Counters, trouble: ChallengeTrouble) {
    this.#directory = join(webroot, PATH);
    this.#counters = counters;
    this.#trouble = trouble;
  }

  /** Whether this GET or HEAD request is a challenge; it is then being answered. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    const path = request.url ?? '/';
    if (!path.startsWith(PATH)) return false;
    void this.#answer(path.slice(PATH.length), response);
    return true;
  }

  async #answer(token: string, response: ServerResponse): Promise<void> {
    const answer = TOKEN.test(token) ? await this.#read(token) : undefined;
    if (answer === undefined) {
      this.#counters.challenges.unknown++;
      this.#send(response, 404, 'text/plain; charset=utf-8', Buffer.from('no such challenge\n'));
    } else {
      this.#counters.challenges.http_01++;
      this.#send(response, 200, 'application/octet-stream', answer);
    }
  }

  #send(response: ServerResponse, status: number, type: string, body: Buffer): void {
    response
      .writeHead(status, {
        'Content-Type': type,
        'Content-Length': body.length,
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
      })
      .end(body);
  }

  async #read(token: string): Promise<Buffer | undefined> {
    const path = join(this.#directory, token);
    try {
      return await readSmallFile(path, defaults.challengeAnswerBytes);
    } catch (error) {
      this.#trouble.tell(path, error as Error);
      return undefined;
    }
  }
}
