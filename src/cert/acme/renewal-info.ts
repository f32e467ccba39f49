/** When the authority wants a certificate to be renewed (RFC 9773). */
import type { X509Certificate } from 'node:crypto';
import type { AcmeConnection } from './connection.ts';
import type { AcmeDirectory } from './directory.ts';
import { AcmeError, parseRetryAfter } from './failure.ts';
import { parseRenewalInfo, type RenewalWindow } from './schedule.ts';

/**
 * The name of a certificate in renewal information (RFC 9773, 4.1): its authority's key identifier and its serial
 * number, both as base64url. Undefined for a certificate that does not say who its authority is.
 */
export async function renewalName(certificate: X509Certificate): Promise<string | undefined> {
  // Loaded when needed; see src/cert/self-signed.ts.
  const { AuthorityKeyIdentifierExtension, X509Certificate: Parsed } = await import('../../protocol/x509.ts');
  const authority = new Parsed(certificate.raw).getExtension(AuthorityKeyIdentifierExtension)?.keyId;
  if (authority === undefined) return undefined;
  // As in DER: with a zero in front where the first bit is set, and whole bytes.
  const hex = certificate.serialNumber.length % 2 === 0 ? certificate.serialNumber : `0${certificate.serialNumber}`;
  const serial = Buffer.from(Number.parseInt(hex.slice(0, 2), 16) >= 0x80 ? `00${hex}` : hex, 'hex');
  return `${Buffer.from(authority, 'hex').toString('base64url')}.${serial.toString('base64url')}`;
}

/** What the authority says, and when to ask it again. */
export interface RenewalInfo {
  window: RenewalWindow;
  askAgainAt: Date | undefined;
}

/** Asks the authority; undefined where it does not tell, or not now: the lifetime decides then. */
export async function fetchRenewalInfo(
  { renewalInfo }: Pick<AcmeDirectory, 'renewalInfo'>,
  certificate: X509Certificate,
  connection: AcmeConnection,
): Promise<RenewalInfo | undefined> {
  const name = renewalInfo === undefined ? undefined : await renewalName(certificate);
  if (name === undefined) return undefined;
  try {
    const url = `${renewalInfo!.replace(/\/$/, '')}/${name}`;
    const { status, body, headers } = await connection.send({ method: 'GET', url, stage: 'directory' });
    const window = status === 200 ? parseRenewalInfo(body) : undefined;
    return window && { window, askAgainAt: parseRetryAfter(headers['retry-after'], new Date()) };
  } catch (error) {
    if (error instanceof AcmeError) return undefined;
    throw error;
  }
}
