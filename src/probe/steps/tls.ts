/** A TLS connection whose whole chain is looked at. */
import { dialTcp } from '../../client/dial.ts';
import { DerpClientError } from '../../client/errors.ts';
import { openTls, type TlsSession } from '../../client/tls.ts';
import type { Finding } from '../check.ts';
import { judgeTls, judgeTlsFailure } from '../judge-tls.ts';
import { type ProbeSettings, stepSignal } from '../settings.ts';
import { codeOf } from './network.ts';

/** Does one handshake and hangs up. The session tells what was presented; there is none after a failure. */
export async function checkTls(
  settings: ProbeSettings,
  addresses: readonly string[],
): Promise<{ finding: Finding<'tls'>; session?: TlsSession }> {
  const { host, trust, derpPort } = settings;
  const signal = stepSignal(settings);
  try {
    const tcp = await dialTcp(addresses, derpPort, signal);
    const session = await openTls(tcp, { host, trust, seeChain: true }, signal);
    session.socket.destroy();
    return { finding: judgeTls(session), session };
  } catch (error) {
    settings.signal.throwIfAborted();
    const code = error instanceof DerpClientError ? codeOf(error) : 'ETIMEDOUT';
    return { finding: judgeTlsFailure(code, derpPort) };
  }
}
