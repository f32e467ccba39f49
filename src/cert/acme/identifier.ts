/** What a certificate authority is asked to certify: a host, in the terms of ACME. */
import { parseIpAddress } from '../../protocol/ip-address.ts';

/** An identifier of an order: RFC 8555 (9.7.7) for names, RFC 8738 for addresses. */
export interface AcmeIdentifier {
  type: 'dns' | 'ip';
  value: string;
}

/** The two ways to prove that a host is ours which need nothing but this machine. */
export type ChallengeType = 'http-01' | 'tls-alpn-01';

/** The identifier of a host, which is a name in lower case or an IP address in its usual spelling. */
export function identifierOf(host: string): AcmeIdentifier {
  return { type: parseIpAddress(host) === undefined ? 'dns' : 'ip', value: host.toLowerCase() };
}

/**
 * The server name by which an authority asks for the certificate of a tls-alpn-01 challenge: the name itself, or the
 * name below .arpa by which an address is looked up (RFC 8738, 6).
 */
export function challengeServerName(host: string): string {
  const bytes = parseIpAddress(host);
  if (bytes === undefined) return host.toLowerCase();
  if (bytes.length === 4) return `${[...bytes].reverse().join('.')}.in-addr.arpa`;
  return `${[...bytes.toString('hex')].reverse().join('.')}.ip6.arpa`;
}
