/** Self-signed TLS certificates for relays that clients know by a pin; see src/protocol/certificate-pin.ts. */
import { randomBytes, webcrypto } from 'node:crypto';
import { pinOf } from '../protocol/certificate-pin.ts';
import { formatIpAddress, parseIpAddress } from '../protocol/ip-address.ts';

const DAY_MS = 24 * 3600 * 1000;
/** About a year: macOS takes no more, and pinning clients check the date. */
const VALID_DAYS = 365;
/** Valid from a day ago, for clients whose clock is slow. */
const BACKDATE_DAYS = 1;
/** Longest CommonName that X.520 allows. */
const MAX_COMMON_NAME = 64;

/** A self-signed certificate with its key. */
export interface SelfSignedCertificate {
  /** The certificate, PEM; the whole chain. */
  certPem: string;
  /** The private key, PKCS #8 PEM: a secret. */
  keyPem: string;
  /** What the derpMap's CertName must say. */
  pin: string;
  notBefore: Date;
  notAfter: Date;
}

/**
 * Makes a self-signed ECDSA P-256 certificate for one IP address or DNS name (in the SAN), for TLS servers only, valid
 * for 365 days from `now` and one day back. Key, serial number and so the pin are new each time.
 * @throws RangeError if the host is neither an IP address nor a DNS name in ASCII
 */
export async function makeSelfSignedCertificate(host: string, now: Date = new Date()): Promise<SelfSignedCertificate> {
  const subject = readHost(host);
  // Loaded when needed: it takes as long as the rest of the program, and most runs make no certificate.
  const x509 = await import('../protocol/x509.ts');
  const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(signingAlgorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const notBefore = new Date(now.getTime() - BACKDATE_DAYS * DAY_MS);
  const notAfter = new Date(now.getTime() + VALID_DAYS * DAY_MS);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: positiveSerial(),
      name: [{ CN: [commonName(subject.value)] }],
      notBefore,
      notAfter,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([subject]),
      ],
      signingAlgorithm,
      keys,
    },
    webcrypto,
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    certPem: `${certificate.toString('pem')}\n`,
    keyPem: pem('PRIVATE KEY', pkcs8),
    pin: pinOf(new Uint8Array(certificate.rawData)),
    notBefore,
    notAfter,
  };
}

function readHost(host: string): { type: 'ip' | 'dns'; value: string } {
  const ip = parseIpAddress(host);
  if (ip) return { type: 'ip', value: formatIpAddress(ip) };
  const label = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?';
  if (host.length > 253 || !new RegExp(`^${label}(\\.${label})*$`, 'i').test(host) || /^[\d.]+$/.test(host)) {
    throw new RangeError(`neither an IP address nor a DNS name: ${JSON.stringify(host)}`);
  }
  return { type: 'dns', value: host.toLowerCase() };
}

/** Shows the host to people; clients look at the SAN only. Must not look like a meta certificate's, which starts with derpkey. */
function commonName(host: string): string {
  return host.length > MAX_COMMON_NAME || host.startsWith('derpkey') ? 'DERP relay' : host;
}

/** 16 random bytes as hex, the first bit zero so that they are a positive number (RFC 5280, 4.1.2.2). */
function positiveSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
