/** What an authority looks for when it validates a host, and who shows it. */
import type { AlpnPair } from './client.ts';

/** A challenge with its answer: a text at a path of plain HTTP, or a certificate for TLS connections of one protocol. */
export type Challenge =
  | { type: 'http-01'; host: string; token: string; keyAuthorization: string }
  /** The pair holds a secret. */
  | { type: 'tls-alpn-01'; host: string; pair: AlpnPair };

/** Shows answers to challenges. */
export interface Responder {
  /** Shows one until the function that it resolves to is called, which never rejects. */
  present(challenge: Challenge, signal: AbortSignal): Promise<() => Promise<void>>;
}

/** Where the answers of http-01 are, and how a token is spelt (RFC 8555, 8.1 and 8.3). */
export const CHALLENGE_PATH = '/.well-known/acme-challenge/';
const TOKEN = /^[A-Za-z0-9_-]{1,256}$/;

/** The protocol that a tls-alpn-01 validation asks for (RFC 8737, 4). */
export const ACME_PROTOCOL = 'acme-tls/1';

/** Whether a text may be a token, and so the name of a file. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}
