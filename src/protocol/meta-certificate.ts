/**
 * The meta certificate: an extra, self-signed Ed25519 certificate at the end of the relay's TLS chain that says which
 * key the relay has. In TLS 1.3 the chain is encrypted, so a client that sees it may trust that no proxy took the
 * connection apart, and start to speak DERP in the same flight as its HTTP request ("fast start").
 *
 * CommonName `derpkey<64 hex of the relay's public key>`, serial number = protocol version, BasicConstraints present.
 * Sources: tailscale `derp/derpserver/derpserver.go` (initMetacert), `derp/derphttp/derphttp_client.go` (parseMetaCert).
 */
import { webcrypto, X509Certificate } from 'node:crypto';
import { KEY_LENGTH, PROTOCOL_VERSION } from './frame-types.ts';
import { formatUntypedKey } from './keys.ts';

/** How long before and after its making a meta certificate is valid; derper takes the same. */
const VALID_FOR_MS = 30 * 24 * 3600 * 1000;

const NAME_PREFIX = 'derpkey';

/** A meta certificate to append to the relay's chain. */
export interface MetaCertificate {
  pem: string;
  der: Buffer;
  /** To be made again before this time. */
  notAfter: Date;
}

/** What a meta certificate says. */
export interface RelayIdentity {
  /** 32 bytes. */
  publicKey: Buffer;
  protocolVersion: number;
}

/**
 * Makes the meta certificate for a relay's public key (32 bytes), valid 30 days before and after `now`. Its own key pair
 * is new each time and forgotten: nobody checks the signature, but clients' TLS libraries want a well-formed one.
 * @throws RangeError if the key is not 32 bytes
 */
export async function makeMetaCertificate(relayKey: Uint8Array, now: Date = new Date()): Promise<MetaCertificate> {
  if (relayKey.length !== KEY_LENGTH) {
    throw new RangeError(`a relay's key has ${KEY_LENGTH} bytes, not ${relayKey.length}`);
  }
  // Loaded when needed: it takes as long as the rest of the program, and clients only read such certificates.
  const { BasicConstraintsExtension, X509CertificateGenerator } = await import('./x509.ts');
  const signingAlgorithm = { name: 'Ed25519' };
  const keys = (await webcrypto.subtle.generateKey(signingAlgorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const notAfter = new Date(now.getTime() + VALID_FOR_MS);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: PROTOCOL_VERSION.toString(16).padStart(2, '0'),
      // 71 characters; X.520 allows 64 and OpenSSL's own tools refuse it, but neither servers nor clients mind.
      name: [{ CN: [NAME_PREFIX + formatUntypedKey(relayKey)] }],
      // Windows wants both dates, macOS the constraints where subject and issuer are the same.
      notBefore: new Date(now.getTime() - VALID_FOR_MS),
      notAfter,
      extensions: [new BasicConstraintsExtension(false, undefined, true)],
      signingAlgorithm,
      keys,
    },
    webcrypto,
  );
  return { pem: `${certificate.toString('pem')}\n`, der: Buffer.from(certificate.rawData), notAfter };
}

/** Whether a certificate's name marks it as a meta certificate; clients leave such ones out when they check a pin. */
export function isMetaCertificate(certificate: X509Certificate): boolean {
  return commonNameOf(certificate)?.startsWith(NAME_PREFIX) === true;
}

/**
 * Reads a meta certificate (DER or X509Certificate). Returns undefined if it is none: bytes that are no certificate,
 * another name, a name that is not 64 hex digits long, a version above 255.
 */
export function readMetaCertificate(certificate: Uint8Array | X509Certificate): RelayIdentity | undefined {
  let x509: X509Certificate;
  try {
    x509 = certificate instanceof X509Certificate ? certificate : new X509Certificate(certificate);
  } catch {
    return undefined;
  }
  const hex = /^derpkey([0-9a-f]{64})$/i.exec(commonNameOf(x509) ?? '')?.[1];
  const protocolVersion = Number.parseInt(x509.serialNumber, 16);
  if (!hex || !(protocolVersion <= 255)) return undefined;
  return { publicKey: Buffer.from(hex, 'hex'), protocolVersion };
}

/** The last CommonName of the subject, as Go's x509 package takes it. */
function commonNameOf(certificate: X509Certificate): string | undefined {
  return certificate.subject
    ?.split('\n')
    .filter((line) => line.startsWith('CN='))
    .at(-1)
    ?.slice(3);
}
