/**
 * HTTPS to a certificate authority: by way of a proxy where one is set, trusting what this machine trusts, bounded in
 * time and size, ended by a signal.
 */
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as tls from 'node:tls';
import { AcmeError, type AcmeStage } from './failure.ts';
import { proxyFor } from './proxy.ts';

/** One request may take so long, milliseconds; authorities answer within seconds. */
const TIMEOUT_MS = 30_000;
/** Directories, orders and chains are a few kilobytes. */
const MAX_BYTES = 1 << 20;
/** Whoever only reads may ask again when the network or the authority stumbles, after so many milliseconds. */
const READ_AGAIN_MS = [500, 2000];

/** What is sent. */
export interface AcmeRequest {
  method: 'GET' | 'HEAD' | 'POST';
  url: string;
  headers?: Record<string, string>;
  body?: string;
  stage: AcmeStage;
}

/** What came back, whatever the status. */
export interface AcmeAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A way to an authority. */
export interface AcmeConnection {
  /** @throws AcmeError unreachable or untrusted, or what the signal was aborted with */
  send(request: AcmeRequest): Promise<AcmeAnswer>;
  close(): void;
}

/** How to get there. */
export interface ConnectionOptions {
  /** For the variables of proxies. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Authorities (PEM) to trust beside Node's own; empty for none. */
  extraAuthorities: string;
  userAgent: string;
  signal: AbortSignal;
  timeoutMs?: number;
}

/** Codes of OpenSSL's and Node's verdicts on a certificate. */
const DISTRUST = /CERT|ISSUER|SELF_SIGNED|UNABLE_TO|ALTNAME|HOSTNAME_MISMATCH/;

function failure(cause: unknown, { url, stage }: AcmeRequest): AcmeError {
  const { code = '', message = String(cause) } = (cause ?? {}) as NodeJS.ErrnoException & AggregateError;
  const reason = DISTRUST.test(code) ? 'untrusted' : 'unreachable';
  const host = new URL(url).host;
  return new AcmeError(reason, `${host}: ${message || code || 'no connection'}`, { stage, cause });
}

function readAnswer(answer: IncomingMessage): Promise<AcmeAnswer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    answer.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > MAX_BYTES) answer.destroy(new Error('the answer is too long'));
      else parts.push(part);
    });
    answer.on('error', reject);
    answer.on('end', () =>
      resolve({
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        body: Buffer.concat(parts).toString('utf8'),
      }),
    );
  });
}

/** Node's own authorities and the further ones; naming any takes the place of the default ones. */
function authorities(extra: string): string[] | undefined {
  if (extra === '') return undefined;
  // Node 22.15 and later tell the default ones with NODE_EXTRA_CA_CERTS and the like included.
  const getDefault = (tls as { getCACertificates?: (type: 'default') => string[] }).getCACertificates;
  return [...(getDefault?.('default') ?? tls.rootCertificates), extra];
}

/** A tunnel through a proxy (RFC 9110, 9.3.6). */
function tunnel(proxy: URL, target: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { username, password } = proxy;
    const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
    const asked: ClientRequest = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: target,
      headers: {
        Host: target,
        ...(username !== '' && { 'Proxy-Authorization': `Basic ${credentials.toString('base64')}` }),
      },
      agent: false,
      signal,
    });
    asked.on('connect', (answer, socket) => {
      if (answer.statusCode === 200) resolve(socket);
      else {
        socket.destroy();
        reject(new Error(`the proxy ${proxy.host} answers ${answer.statusCode ?? '?'}`));
      }
    });
    asked.on('response', (answer) => {
      answer.resume();
      reject(new Error(`the proxy ${proxy.host} answers ${answer.statusCode ?? '?'}`));
    });
    asked.on('error', (cause) => reject(new Error(`the proxy ${proxy.host}: ${cause.message}`, { cause })));
    asked.end();
  });
}

/** Opens a way to the authorities that this machine trusts. */
export function connectAcme(options: ConnectionOptions): AcmeConnection {
  const { environment, userAgent, signal, timeoutMs = TIMEOUT_MS } = options;
  const ca = authorities(options.extraAuthorities);
  const agent = new Agent({ keepAlive: true, ...(ca && { ca }) });

  const once = async ({ method, url, headers, body }: AcmeRequest): Promise<AcmeAnswer> => {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const target = new URL(url);
    const proxy = proxyFor(target, environment);
    const host = target.hostname.replace(/^\[|\]$/g, '');
    const port = target.port || '443';
    const socket = proxy && (await tunnel(proxy, `${target.hostname}:${port}`, bounded));
    const secured = (over: Socket) => ({
      socket: over,
      host,
      ...(isIP(host) ? {} : { servername: host }),
      ...(ca && { ca }),
    });
    return new Promise((resolve, reject) => {
      const asked = httpsRequest(
        target,
        {
          method,
          headers: { 'User-Agent': userAgent, 'Accept-Language': 'en', ...headers },
          signal: bounded,
          // With an agent, even with none of its own, the request would make its own way past the proxy.
          ...(socket ? { createConnection: () => tls.connect(secured(socket)) } : { agent }),
        },
        (answer) => readAnswer(answer).then(resolve, reject),
      );
      asked.on('error', reject);
      asked.end(body);
    });
  };

  const attempt = async (request: AcmeRequest): Promise<AcmeAnswer> => {
    try {
      return await once(request);
    } catch (cause) {
      signal.throwIfAborted();
      const late = (cause as Error).name === 'TimeoutError' || (cause as Error).name === 'AbortError';
      throw failure(late ? new Error(`no answer within ${timeoutMs / 1000} s`) : cause, request);
    }
  };

  const stumbled = (result: AcmeAnswer | AcmeError) =>
    result instanceof AcmeError
      ? result.reason === 'unreachable'
      : result.status >= 500 && result.headers['retry-after'] === undefined;

  return {
    send: async (request) => {
      for (const again of request.method === 'POST' ? [] : READ_AGAIN_MS) {
        const result = await attempt(request).catch((error: unknown) => {
          if (error instanceof AcmeError) return error;
          throw error;
        });
        if (!stumbled(result)) {
          if (result instanceof AcmeError) throw result;
          return result;
        }
        await delay(again, undefined, { signal });
      }
      return attempt(request);
    },
    close: () => agent.destroy(),
  };
}
