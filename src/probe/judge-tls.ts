/** What TLS handshakes and certificates mean. No I/O. */
import { isIP } from 'node:net';
import type { TlsSession } from '../client/tls.ts';
import { type CertificateVerdict, judgeCertificate, oneLine } from '../client/trust.ts';
import { pinOf } from '../protocol/certificate-pin.ts';
import type { CheckData, Finding } from './check.ts';

const DAY_MS = 24 * 3600 * 1000;
/** A new pin must reach every client's derpMap, so people need to hear of it weeks ahead. */
const PIN_WARNING_DAYS = 30;
/** Renewal begins when a third of the lifetime is left; below this share it has failed for a while. */
const LEAST_SHARE_LEFT = 0.25;

/** Judges a handshake that failed, by the code of OpenSSL or the system; undefined: the connection was closed. */
export function judgeTlsFailure(code: string | undefined, port: number): Finding<'tls'> {
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG' || code === 'EPROTO') {
    return {
      status: 'failed',
      reason: 'no-tls',
      detail: `what listens on port ${port} does not speak TLS`,
      remedy:
        'Give the relay its certificate, or use the port that has TLS; a plain HTTP port cannot be used by clients.',
    };
  }
  if (code === 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME' || code === 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR') {
    return {
      status: 'failed',
      reason: 'no-certificate-for-name',
      detail: 'the server has no certificate for this name',
      remedy:
        'Use the name that the relay was set up with, or set it up for this one; derper refuses clients that come by IP address.',
    };
  }
  if (code?.startsWith('ERR_SSL_')) {
    return {
      status: 'failed',
      reason: 'tls-refused',
      detail: `the TLS handshake failed (${code})`,
      remedy:
        'The server must speak TLS 1.2 or, better, 1.3, with an ECDSA or RSA certificate; nothing may ask for client certificates.',
    };
  }
  if (code === 'ETIMEDOUT') {
    return {
      status: 'failed',
      reason: 'tls-timed-out',
      detail: 'the connection is accepted, but the TLS handshake gets no answer',
      remedy:
        'Check that the relay is what listens there (not a proxy that waits for a PROXY header), and that no packets are lost on the way (MTU).',
    };
  }
  return {
    status: 'failed',
    reason: 'tls-cut-off',
    detail: `the connection was cut off during the TLS handshake${code ? ` (${code})` : ''}`,
    remedy:
      'If the relay does not log the attempt, something in between filters by server name: try from another network, or by IP address with a pin.',
  };
}

/** Describes a handshake that succeeded. */
export function judgeTls({ protocol, cipher }: Pick<TlsSession, 'protocol' | 'cipher'>): Finding<'tls'> {
  const data = { protocol, cipher };
  if (protocol === 'TLSv1.3') return { status: 'ok', detail: `${protocol}, ${cipher}`, data };
  return {
    status: 'warning',
    reason: 'old-tls',
    detail: `${protocol} only, so clients cannot use fast start and each connection takes a round trip more`,
    remedy: 'Allow TLS 1.3 on the server, or on what ends TLS in front of it.',
    data,
  };
}

/** What the certificate is judged by. */
export interface CertificateExpectations {
  host: string;
  pin: string | undefined;
  extraCa: string | undefined;
}

/** Judges the certificate that was presented, and how long it will last. */
export function judgeRelayCertificate(
  session: Pick<TlsSession, 'leaf' | 'chain' | 'chainProblem' | 'relay'>,
  { host, pin, extraCa }: CertificateExpectations,
  now: Date,
): Finding<'certificate'> {
  const { leaf } = session;
  const notAfter = new Date(leaf.validTo);
  const notBefore = new Date(leaf.validFrom);
  const daysLeft = Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS);
  const trust = pin === undefined ? 'ca' : 'pin';
  const data: CheckData['certificate'] = {
    subject: leaf.subjectAltName ?? oneLine(leaf.subject),
    issuer: oneLine(leaf.issuer),
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    daysLeft,
    pin: pinOf(leaf),
    trust,
    metaCertificate: session.relay !== undefined,
  };
  const verdict = judgeCertificate(
    session,
    host,
    pin === undefined ? { kind: 'ca', ...(extraCa === undefined ? {} : { extraCa }) } : { kind: 'pin', pin },
    now,
  );
  if (verdict) {
    const { problem, message } = verdict;
    return { status: 'failed', reason: problem, detail: message, remedy: remedyFor(verdict, host, data.pin), data };
  }
  const how = trust === 'pin' ? 'the pinned certificate' : `for ${host}, issued by ${data.issuer}`;
  const detail = `${how}, ${daysLeft} days left`;
  const shareLeft = (notAfter.getTime() - now.getTime()) / (notAfter.getTime() - notBefore.getTime());
  if (trust === 'pin' && daysLeft < PIN_WARNING_DAYS) {
    return {
      status: 'warning',
      reason: 'expires-soon',
      detail,
      remedy: 'Make a new certificate and put its pin into the derpMap of all clients before this one ends.',
      data,
    };
  }
  if (trust === 'ca' && shareLeft < LEAST_SHARE_LEFT) {
    return {
      status: 'warning',
      reason: 'expires-soon',
      detail,
      remedy: 'It should have been renewed by now: look at the log of the renewal.',
      data,
    };
  }
  return { status: 'ok', detail, data };
}

function remedyFor(verdict: NonNullable<CertificateVerdict>, host: string, pin: string): string {
  switch (verdict.problem) {
    case 'pin-mismatch':
      return `If the certificate was made anew, put CertName "${pin}" into the derpMap; if not, somebody stands in between.`;
    case 'several-certificates':
      return 'Let the server send the one pinned certificate alone; for a certificate from an authority leave the pin out.';
    case 'name':
      return isIP(host)
        ? 'Probe by a name that the certificate has, or make one for the IP address and pin it.'
        : `Get a certificate for ${host}, or put a name that it has into the derpMap.`;
    case 'expired':
      return 'Renew the certificate; if it is renewed already, let the server load it.';
    case 'not-yet-valid':
      return 'Check the clocks of this machine and of the server.';
    case 'self-signed':
      return `If it is yours, pin it: CertName "${pin}" in the derpMap, and --pin here.`;
    case 'incomplete-chain':
      return "Configure the full chain (fullchain.pem), not the server's certificate alone.";
    case 'untrusted':
      return 'Use a certificate of a public authority, or tell clients to trust yours.';
  }
}
