/** Asks the relay on this machine how it is: its own counters, which it shows to this machine only. */
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';

/** What of the counters is used here; there are more. */
export interface RelayStatus {
  version: string;
  uptime_seconds: number;
  public_key: string;
  clients: number;
  [counter: string]: unknown;
}

const TIMEOUT_MS = 3000;
const MAX_BYTES = 1 << 20;

/**
 * The counters of the relay that listens on `port` of this machine; undefined when nobody answers there, or somebody
 * who is no relay of ours. The certificate does not matter: the question stays on this machine. `tls`: false where
 * something before the relay ends it.
 */
export function readRelayStatus(
  port: number,
  signal?: AbortSignal,
  { tls = true }: { tls?: boolean } = {},
): Promise<RelayStatus | undefined> {
  const request = tls ? requestTls : requestPlain;
  return new Promise((resolve) => {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path: '/debug/vars',
        rejectUnauthorized: false,
        agent: false,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          text += part;
          if (text.length > MAX_BYTES) answer.destroy();
        });
        answer.on('close', () => resolve(answer.statusCode === 200 ? parseStatus(text) : undefined));
        answer.on('error', () => resolve(undefined));
      },
    );
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}

/** Reads the answer's text; undefined when it is no relay's. */
export function parseStatus(text: string): RelayStatus | undefined {
  try {
    const status = JSON.parse(text) as Partial<RelayStatus> | null;
    const fine = typeof status?.version === 'string' && typeof status.public_key === 'string';
    return fine ? (status as RelayStatus) : undefined;
  } catch {
    return undefined;
  }
}
