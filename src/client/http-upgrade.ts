/** The HTTP request that turns a connection into DERP, and its answer. No I/O. */
import { isIPv6 } from 'node:net';
import { parseUntypedKey } from '../protocol/keys.ts';
import { DerpClientError, type HttpRefusal } from './errors.ts';

/** Longest head of an answer that is read, in bytes. */
const MAX_HEAD_LENGTH = 16 << 10;

/** What the request says. */
export interface UpgradeRequest {
  host: string;
  port: number;
  tls: boolean;
  /** `Derp-Fast-Start: 1`: no HTTP answer is wanted, the login follows at once. */
  fastStart: boolean;
  /** Name of the node of the region that the client would rather have (`Ideal-Node`, a statistic). */
  idealNode?: string | undefined;
}

/** The authority part of the relay's URL, `host[:port]`, the port left out where it is the scheme's own. */
export function authorityOf(host: string, port: number, tls: boolean): string {
  const name = isIPv6(host) ? `[${host}]` : host;
  return port === (tls ? 443 : 80) ? name : `${name}:${port}`;
}

/** The request's bytes: `GET /derp` with `Upgrade: DERP` (tailscale `derp/derphttp/derphttp_client.go`, connect). */
export function encodeUpgradeRequest({ host, port, tls, fastStart, idealNode }: UpgradeRequest): Buffer {
  const lines = ['GET /derp HTTP/1.1', `Host: ${authorityOf(host, port, tls)}`, 'User-Agent: derp-setup'];
  lines.push('Connection: Upgrade', 'Upgrade: DERP');
  if (fastStart) lines.push('Derp-Fast-Start: 1');
  if (idealNode !== undefined) lines.push(`Ideal-Node: ${idealNode}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** A whole answer that switches to DERP. */
export interface UpgradeAnswer {
  /** Bytes of the head; DERP begins after them. */
  length: number;
  /** `Derp-Public-Key`, 32 bytes, if the relay named it. */
  relayKey: Buffer | undefined;
}

/**
 * Reads the answer to an upgrade request. Give it all bytes so far; undefined means that the head goes on.
 * @throws DerpClientError http, if it is an answer without the upgrade (its status and server are in `http`), is no HTTP,
 *   or is longer than 16 KiB
 */
export function readUpgradeAnswer(bytes: Buffer): UpgradeAnswer | undefined {
  const start = bytes.toString('latin1', 0, Math.min(bytes.length, 5));
  if (!'HTTP/'.startsWith(start)) throw new DerpClientError('http', 'what answers is not HTTP', { step: 'http' });
  const end = bytes.subarray(0, MAX_HEAD_LENGTH).indexOf('\r\n\r\n');
  if (end < 0) {
    if (bytes.length >= MAX_HEAD_LENGTH) throw new DerpClientError('http', 'an endless HTTP head', { step: 'http' });
    return undefined;
  }
  const [statusLine, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})( |$)/.exec(statusLine!)?.[1]);
  if (!status) throw new DerpClientError('http', 'a malformed HTTP answer', { step: 'http' });
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  if (status !== 101) throw refusedBy(status, headers);
  return { length: end + 4, relayKey: readKey(headers.get('derp-public-key')) };
}

/** The error for an HTTP answer that is no upgrade; header names in lower case. */
export function refusedBy(status: number, headers: ReadonlyMap<string, string>): DerpClientError {
  const http: HttpRefusal = { status };
  const server = headers.get('server');
  const location = headers.get('location');
  if (server) http.server = printable(server);
  if (location) http.location = printable(location);
  return new DerpClientError('http', `HTTP ${status} in answer to the upgrade to DERP`, { step: 'http', http });
}

/** A stranger's text: short, and nothing in it that could play with a terminal. */
function printable(text: string): string {
  return text.slice(0, 80).replace(/[^\x20-\x7e]/g, '?');
}

function readKey(hex: string | undefined): Buffer | undefined {
  try {
    return hex === undefined ? undefined : parseUntypedKey(hex);
  } catch {
    // A header for information; the ServerKey frame that follows is what counts.
    return undefined;
  }
}
