/** The certificate authorities that this machine was told to trust, which Tailscale's clients trust and Node does not read. */
import { FileError, readText } from './files.ts';

/** Where systems keep them, in the order in which Go programs look (crypto/x509, root_linux.go and root_bsd.go). */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** The machine's authorities as PEM; empty where they are kept in another way. `SSL_CERT_FILE` names another file, as for Go programs. */
export async function systemAuthorities(environment: Record<string, string | undefined>): Promise<string> {
  const paths = environment.SSL_CERT_FILE ? [environment.SSL_CERT_FILE] : BUNDLES;
  for (const path of paths) {
    try {
      return await readText(path);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
    }
  }
  return '';
}
