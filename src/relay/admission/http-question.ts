import { type Agent, type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { performance } from 'node:perf_hooks';

/** One HTTP request whose answer is short. */
export interface HttpQuestion {
  /** Whom to ask: a URL, or a path at a unix socket. */
  readonly to: URL | { readonly socketPath: string; readonly host: string; readonly path: string };
  readonly method: 'GET' | 'POST';
  readonly body?: string;
  readonly agent: Agent;
  /** When to give up, by performance.now(). */
  readonly deadline: number;
  /** The longest answer that is read, bytes. */
  readonly maxBytes: number;
}

/** A whole answer, whatever its status. Redirects are answers like any other. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Why there is no answer. `unreachable`: no connection, or it broke before the first byte. `late`: nothing came in time.
 * `cut-off`: it began and did not end. `too-long`, `not-http`: it cannot be read.
 */
export type HttpProblem = 'unreachable' | 'late' | 'cut-off' | 'too-long' | 'not-http';

/** An HTTP request without a whole answer. */
export class HttpQuestionError extends Error {
  readonly problem: HttpProblem;
  /** The system's or OpenSSL's code, when there is one. */
  readonly code: string | undefined;

  constructor(problem: HttpProblem, message: string, cause?: NodeJS.ErrnoException) {
    super(message, { cause });
    this.name = 'HttpQuestionError';
    this.problem = problem;
    this.code = cause?.code;
  }
}

/**
 * Sends a request and reads its whole answer. A kept connection that the other side has closed meanwhile is replaced by
 * a new one without further notice.
 * @throws HttpQuestionError
 */
export async function askOverHttp(question: HttpQuestion): Promise<HttpAnswer> {
  for (;;) {
    try {
      return await askOnce(question);
    } catch (error) {
      if (error !== staleConnection) throw error;
    }
  }
}

/** Thrown when a kept connection turned out to be closed. The agent drops such a connection, so they run out. */
const staleConnection = new Error('the kept connection was closed');

function askOnce({ to, method, body, agent, deadline, maxBytes }: HttpQuestion): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const secure = to instanceof URL && to.protocol === 'https:';
    const headers: Record<string, string | number> = { Accept: 'application/json' };
    if (body !== undefined) {
      headers['Content-Type'] = 'application/json';
      headers['Content-Length'] = Buffer.byteLength(body);
    }
    if (!(to instanceof URL)) headers.Host = to.host;
    const options = { method, headers, agent };
    // Said outright, so that nothing in the environment can switch the check off.
    const request = !(to instanceof URL)
      ? requestHttp({ ...options, socketPath: to.socketPath, path: to.path })
      : secure
        ? requestHttps(to, { ...options, rejectUnauthorized: true })
        : requestHttp(to, options);

    let begun = false;
    let settled = false;
    // A request that still waits for one of the agent's sockets tells nobody that it was destroyed: the timer does.
    const timer = setTimeout(
      () => {
        fail(new HttpQuestionError(begun ? 'cut-off' : 'late', begun ? 'the answer did not end in time' : 'no answer'));
      },
      Math.max(0, deadline - performance.now()),
    );
    const settle = (finish: () => void) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      finish();
    };
    const fail = (error: Error) =>
      settle(() => {
        request.destroy();
        reject(error);
      });

    request.on('error', (error: NodeJS.ErrnoException) => {
      if (begun) fail(new HttpQuestionError('cut-off', error.message, error));
      else if (error.code?.startsWith('HPE_')) fail(new HttpQuestionError('not-http', 'it does not speak HTTP', error));
      else if (request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) fail(staleConnection);
      else fail(new HttpQuestionError('unreachable', error.message, error));
    });
    request.on('response', (response) => {
      begun = true;
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) fail(new HttpQuestionError('too-long', `the answer is longer than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', (error) => fail(new HttpQuestionError('cut-off', error.message, error)));
      response.on('end', () =>
        settle(() =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        ),
      );
    });
    request.end(body);
  });
}
