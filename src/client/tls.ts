/** TLS to a relay: the handshake, and what it shows of the relay. */
import { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import * as tls from 'node:tls';
import { type RelayIdentity, readMetaCertificate } from '../protocol/meta-certificate.ts';
import { readTlsCertificates } from '../protocol/tls-certificates.ts';
import { DerpClientError, systemCode } from './errors.ts';
import { Tap } from './tap.ts';
import type { Presented, Trust } from './trust.ts';
import { waitFor } from './wait.ts';

/** A TLS connection whose handshake is over; nothing has been read from it. */
export interface TlsSession extends Presented {
  socket: tls.TLSSocket;
  /** `TLSv1.3` or `TLSv1.2`. */
  protocol: string;
  cipher: string;
  /**
   * The relay's key by the meta certificate in TLS 1.3. Undefined: none was sent, or it could not be seen, or in
   * TLS 1.2, where anybody on the way could have sent it.
   */
  relay: RelayIdentity | undefined;
}

/** How to open TLS. */
export interface TlsOptions {
  /** The name for SNI and for the check of the certificate; for an IP address no SNI is sent, as by Tailscale's clients. */
  host: string;
  trust: Trust;
  /** See the whole chain, which takes all bytes of the connection through a Tap; without it `chain` and `relay` are undefined. */
  seeChain: boolean;
}

/**
 * Does the TLS handshake over a TCP connection. It succeeds whatever the certificate: judgeCertificate says whether it
 * is the right one, and must be asked before anything is sent.
 * @throws DerpClientError tls, with OpenSSL's or the system's code in the cause; the TCP connection is then closed
 */
export async function openTls(tcp: Socket, options: TlsOptions, signal: AbortSignal): Promise<TlsSession> {
  const tap = options.seeChain ? new Tap(tcp) : undefined;
  const socket = tls.connect({
    socket: tap ?? tcp,
    host: options.host,
    ...(isIP(options.host) ? {} : { servername: options.host }),
    ...authorities(options.trust),
    rejectUnauthorized: false,
  });
  let keyLog = '';
  if (tap) {
    socket.on('keylog', (line) => {
      keyLog += line;
    });
  }
  await waitFor<void>(signal, (resolve, reject) => {
    let done = false;
    const onSecure = () => {
      done = true;
      resolve();
    };
    const onError = (cause: unknown) => {
      const message = `the TLS handshake failed: ${systemCode(cause) ?? 'connection closed'}`;
      reject(new DerpClientError('tls', message, { step: 'tls', cause }));
    };
    const onClose = () => onError(undefined);
    socket.once('secureConnect', onSecure).once('error', onError).once('close', onClose);
    return () => {
      socket.off('secureConnect', onSecure).off('error', onError).off('close', onClose);
      if (done) return;
      socket.on('error', () => {}).destroy();
      tcp.on('error', () => {}).destroy();
    };
  });
  const protocol = socket.getProtocol() ?? 'unknown';
  const chain = tap && readTlsCertificates(tap.takeKept(), keyLog)?.map((der) => new X509Certificate(der));
  return {
    socket,
    protocol,
    cipher: socket.getCipher().standardName,
    leaf: chain?.[0] ?? new X509Certificate(socket.getPeerCertificate().raw),
    chain,
    chainProblem: socket.authorized ? undefined : String(socket.authorizationError),
    relay: protocol === 'TLSv1.3' ? chain?.map(readMetaCertificate).find((identity) => identity) : undefined,
  };
}

/** Node's own authorities, with further ones beside them. */
function authorities(trust: Trust): tls.SecureContextOptions {
  if (trust.kind !== 'ca' || trust.extraCa === undefined) return {};
  // Naming any takes the place of the default ones, so those are named as well. Node 22.15 and later can tell them
  // with NODE_EXTRA_CA_CERTS and the like included.
  const getDefault = (tls as { getCACertificates?: (type: 'default') => string[] }).getCACertificates;
  const ca = [...(getDefault?.('default') ?? tls.rootCertificates), trust.extraCa];
  // As for Go's programs, whoever is named here is trusted without the authority that signed them in turn.
  return { ca, allowPartialTrustChain: true };
}
