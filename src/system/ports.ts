/** Whether TCP and UDP ports can be bound, by binding them: nothing else knows about every reason for a refusal. */
import { createSocket } from 'node:dgram';
import { createServer, isIPv4 } from 'node:net';

export type PortProtocol = 'tcp' | 'udp';

/** `busy`: somebody has it. `denied`: the system keeps it from this user, as it does with ports below 1024. */
export type PortState = 'free' | 'busy' | 'denied';

/** Both wildcard addresses; binding each family alone finds a port that is taken on only one of them. */
const EVERYWHERE = ['::', '0.0.0.0'];

const STATES: Record<string, PortState> = { EADDRINUSE: 'busy', EACCES: 'denied', EPERM: 'denied' };

/** What a machine without IPv6 answers to an attempt to bind it. */
const FAMILY_MISSING = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL', 'EPROTONOSUPPORT']);

function bindTcp(port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, ipv6Only: host === '::', exclusive: true }, () => server.close(() => resolve()));
  });
}

function bindUdp(port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: isIPv4(host) ? 'udp4' : 'udp6', ipv6Only: host === '::' });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, address: host, exclusive: true }, () => socket.close(() => resolve()));
  });
}

/**
 * Whether this process could listen on the port, on one IP address or (null) on every address, IPv4 and IPv6.
 * Throws the system's error for an address that is not this machine's.
 */
export async function portState(
  protocol: PortProtocol,
  port: number,
  address: string | null = null,
): Promise<PortState> {
  const bind = protocol === 'tcp' ? bindTcp : bindUdp;
  for (const host of address === null ? EVERYWHERE : [address]) {
    try {
      await bind(port, host);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      const state = STATES[code];
      if (state) return state;
      if (!(address === null && host === '::' && FAMILY_MISSING.has(code))) throw error;
    }
  }
  return 'free';
}

/** The first free port from `start` upwards that `avoid` does not name; undefined when there is none. */
export async function findFreePort(
  protocol: PortProtocol,
  start: number,
  avoid: readonly number[] = [],
): Promise<number | undefined> {
  for (let port = start; port <= 65_535; port++) {
    if (!avoid.includes(port) && (await portState(protocol, port)) === 'free') return port;
  }
  return undefined;
}
