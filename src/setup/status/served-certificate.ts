/** The certificate that the relay on this machine serves right now, whoever may read its files. */
import type { X509Certificate } from 'node:crypto';
import { dialTcp } from '../../client/dial.ts';
import { DerpClientError } from '../../client/errors.ts';
import { openTls } from '../../client/tls.ts';
import { isMetaCertificate } from '../../protocol/meta-certificate.ts';

const TIMEOUT_MS = 3000;

/** The certificates that are presented on a port of this machine, the relay's own first; undefined when none is. */
export async function readServedChain(
  host: string,
  port: number,
  signal?: AbortSignal,
): Promise<X509Certificate[] | undefined> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const bounded = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  try {
    const tcp = await dialTcp(['127.0.0.1'], port, bounded);
    const { socket, leaf, chain } = await openTls(tcp, { host, trust: { kind: 'none' }, seeChain: true }, bounded);
    socket.destroy();
    return chain?.filter((certificate) => !isMetaCertificate(certificate)) ?? [leaf];
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof DerpClientError || bounded.aborted) return undefined;
    throw error;
  }
}
