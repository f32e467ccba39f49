/** From a host to its addresses to a TCP connection. */
import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { DerpClientError, systemCode } from './errors.ts';
import { waitFor } from './wait.ts';

/** How long to wait for one address before trying the next one at the same time, milliseconds (RFC 8305). */
const ATTEMPT_MS = 500;

/**
 * The addresses of a host, as the system resolves them (hosts file and DNS, like Tailscale's clients), without
 * duplicates; of an IP address, just itself.
 * @throws DerpClientError resolve, with the system's code (ENOTFOUND, EAI_AGAIN …) in the cause
 */
export async function resolveHost(host: string, signal: AbortSignal): Promise<string[]> {
  if (isIP(host)) return [host];
  // getaddrinfo cannot be interrupted; when the signal ends the wait, its answer is not waited for any longer.
  const found = await waitFor<{ address: string }[]>(signal, (resolve, reject) => {
    lookup(host, { all: true }).then(resolve, (cause) => {
      reject(
        new DerpClientError('resolve', `${host} has no address: ${systemCode(cause)}`, { step: 'resolve', cause }),
      );
    });
    return () => {};
  });
  return [...new Set(found.map(({ address }) => address))];
}

/**
 * Opens a TCP connection to the first of these addresses that accepts one, staggered as RFC 8305 says.
 * @throws DerpClientError tcp, with the system's code (ECONNREFUSED, ETIMEDOUT …) in the cause
 */
export function dialTcp(addresses: readonly string[], port: number, signal: AbortSignal): Promise<Socket> {
  return waitFor<Socket>(signal, (resolve, reject) => {
    const socket = connect({
      // Never looked up: the addresses are given below.
      host: 'relay.invalid',
      port,
      noDelay: true,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
      lookup: (_host, options, callback) => {
        const found = addresses.map((address) => ({ address, family: isIP(address) }));
        if (options.all) callback(null, found);
        else callback(null, found[0]!.address, found[0]!.family);
      },
    });
    let connected = false;
    const onConnect = () => {
      connected = true;
      resolve(socket);
    };
    const onError = (cause: unknown) => {
      const message = `no TCP connection to port ${port} of ${addresses.join(', ')}: ${systemCode(cause)}`;
      reject(new DerpClientError('tcp', message, { step: 'tcp', cause }));
    };
    socket.once('connect', onConnect).once('error', onError);
    return () => {
      socket.off('connect', onConnect).off('error', onError);
      if (connected) return;
      // A late error of a connection nobody waits for any more.
      socket.on('error', () => {}).destroy();
    };
  });
}
