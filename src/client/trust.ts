/** Whether a relay's certificate is the right one, judged as Tailscale's clients do. No I/O. */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { pinOf } from '../protocol/certificate-pin.ts';
import { isMetaCertificate } from '../protocol/meta-certificate.ts';

/** Which certificates to trust. */
export type Trust =
  /** Chains to Node's authorities or to these further ones (PEM), for the host's name. */
  | { kind: 'ca'; extraCa?: string }
  /** Exactly one certificate with this pin (`sha256-raw:<hex>`), like a derpMap's CertName. */
  | { kind: 'pin'; pin: string }
  /** Anything, like a derpMap's InsecureForTests. */
  | { kind: 'none' };

/** What a TLS server presented. */
export interface Presented {
  /** The certificate of the server itself. */
  leaf: X509Certificate;
  /** All it sent, in order, meta certificate included; undefined when that could not be seen. */
  chain: readonly X509Certificate[] | undefined;
  /** What OpenSSL or Node's check of the name found, e.g. `CERT_HAS_EXPIRED`; undefined if all was right. */
  chainProblem: string | undefined;
}

export type CertificateProblem =
  | 'pin-mismatch'
  | 'several-certificates'
  | 'name'
  | 'expired'
  | 'not-yet-valid'
  | 'self-signed'
  | 'incomplete-chain'
  | 'untrusted';

/** A problem with a one-line description; undefined when the certificate is right. */
export type CertificateVerdict = { problem: CertificateProblem; message: string } | undefined;

/**
 * Judges what a server presented for a host.
 * By authorities: OpenSSL's verdict on the chain and Node's on the name, which must stand in the SAN. By pin, as tailscale `net/tlsdial/tlsdial.go`
 * (SetConfigExpectedCertHash): meta certificates do not count; of the rest there is exactly one, its hash is the pin's,
 * it is within its dates, and if the host is a name it is for that name (an IP address is not compared: no server name
 * is sent for it).
 */
export function judgeCertificate(presented: Presented, host: string, trust: Trust, now: Date): CertificateVerdict {
  switch (trust.kind) {
    case 'none':
      return undefined;
    case 'ca':
      return judgeChain(presented, host, now);
    case 'pin':
      return judgePin(presented, host, trust.pin, now);
  }
}

function judgePin({ leaf, chain }: Presented, host: string, pin: string, now: Date): CertificateVerdict {
  const found = pinOf(leaf);
  if (found !== pin) return { problem: 'pin-mismatch', message: `the certificate's pin is ${found}, not ${pin}` };
  const counted = chain?.filter((certificate) => !isMetaCertificate(certificate)).length ?? 1;
  if (counted !== 1) {
    return { problem: 'several-certificates', message: `${counted} certificates are sent where a pin allows one` };
  }
  // Only the SAN counts in Go; OpenSSL would take the CommonName where there is none.
  if (!isIP(host) && leaf.checkHost(host, { subject: 'never' }) === undefined) return wrongName(leaf, host);
  return judgeDates(leaf, now);
}

function judgeChain({ leaf, chain, chainProblem }: Presented, host: string, now: Date): CertificateVerdict {
  if (chainProblem === undefined) return leaf.subjectAltName === undefined ? wrongName(leaf, host) : undefined;
  const dates = judgeDates(leaf, now);
  if (dates) return dates;
  switch (chainProblem) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return wrongName(leaf, host);
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return { problem: 'self-signed', message: 'the certificate is self-signed' };
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      // An authority in between was not sent: common where the chain was made of one file of several.
      if (!chain || chain.filter((certificate) => !isMetaCertificate(certificate)).length <= 1) {
        return {
          problem: 'incomplete-chain',
          message: `the certificate of its issuer (${oneLine(leaf.issuer)}) is not sent`,
        };
      }
      break;
  }
  return { problem: 'untrusted', message: `no trusted authority stands behind the certificate (${chainProblem})` };
}

function judgeDates(leaf: X509Certificate, now: Date): CertificateVerdict {
  if (now > new Date(leaf.validTo))
    return { problem: 'expired', message: `the certificate expired on ${leaf.validTo}` };
  if (now < new Date(leaf.validFrom)) {
    return { problem: 'not-yet-valid', message: `the certificate is not valid until ${leaf.validFrom}` };
  }
  return undefined;
}

function wrongName(leaf: X509Certificate, host: string): CertificateVerdict {
  const names = leaf.subjectAltName ?? 'no host in its SAN';
  return { problem: 'name', message: `the certificate is for ${names}, not for ${host}` };
}

/** A distinguished name, which Node writes in several lines, in one. */
export function oneLine(name: string | undefined): string {
  return name ? name.split('\n').join(', ') : 'nobody';
}
