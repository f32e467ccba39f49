/**
 * The pin by which a derpMap trusts a certificate that no authority signed: `CertName: "sha256-raw:<hex>"`, the SHA-256
 * of the leaf's DER in lower-case hex. Source: tailscale `net/tlsdial/tlsdial.go` (SetConfigExpectedCertHash).
 */
import { createHash, X509Certificate } from 'node:crypto';

const PIN_PREFIX = 'sha256-raw:';

/** The pin of a certificate, given as DER bytes, PEM text (its first certificate counts) or an X509Certificate. */
export function pinOf(certificate: Uint8Array | string | X509Certificate): string {
  const der = typeof certificate === 'string' ? new X509Certificate(certificate).raw : rawOf(certificate);
  return PIN_PREFIX + createHash('sha256').update(der).digest('hex');
}

/** Whether this is a pin that clients can match: they compare the text, so the hex digits must be lower case. */
export function isPin(text: string): boolean {
  return /^sha256-raw:[0-9a-f]{64}$/.test(text);
}

function rawOf(certificate: Uint8Array | X509Certificate): Uint8Array {
  return certificate instanceof X509Certificate ? certificate.raw : certificate;
}
