/** Opening the relay's ports, and why that fails. */
import { once } from 'node:events';
import type { Server } from 'node:net';
import type { Counters } from './counters.ts';
import { RelayStartError } from './start-error.ts';
import { type StunServer, startStunServer } from './stun-server.ts';

/** Listens, and gives the port: the system's choice for port 0. @throws RelayStartError listen */
export async function listen(server: Server, host: string | null, port: number): Promise<number> {
  try {
    // Without a host Node listens on IPv6 and IPv4 both, or on IPv4 alone where there is no IPv6.
    server.listen(host === null ? { port, backlog: 4096 } : { port, host, backlog: 4096 });
    await once(server, 'listening');
  } catch (error) {
    throw listenError('tcp', host, port, error as NodeJS.ErrnoException);
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** Starts STUN. @throws RelayStartError listen */
export async function listenForStun(
  host: string | null,
  port: number,
  counters: Counters,
  answers: (address: string) => boolean,
): Promise<StunServer> {
  try {
    return await startStunServer(host, port, counters, answers);
  } catch (error) {
    throw listenError('udp', host, port, error as NodeJS.ErrnoException);
  }
}

function listenError(
  protocol: 'tcp' | 'udp',
  host: string | null,
  port: number,
  cause: NodeJS.ErrnoException,
): RelayStartError {
  const reasons: Record<string, string> = {
    EADDRINUSE: 'it is in use by another process',
    EACCES: 'permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE)',
    EADDRNOTAVAIL: `this machine does not have the address ${host}`,
  };
  const reason = reasons[cause.code ?? ''] ?? cause.message;
  return new RelayStartError('listen', `cannot listen on ${port}/${protocol}: ${reason}`, {
    cause,
    port,
    protocol,
    errno: cause.code,
  });
}
