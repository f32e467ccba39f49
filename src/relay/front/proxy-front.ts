import { BlockList, isIP, isIPv6, type Socket } from 'node:net';
import { ProtocolError } from '../../protocol/errors.ts';
import { readProxyHeader } from '../../protocol/proxy-header.ts';
import { defaults } from '../defaults.ts';
import type { Noise } from '../noise.ts';
import { type Endpoint, endpointOf, unmapAddress } from './endpoint.ts';

/** Addresses and CIDR ranges as a list that can be asked. @throws RangeError naming an entry that is neither */
export function addressList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits, ...more] = entry.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    const widest = family === 'ipv6' ? 128 : 32;
    // Digits only: Number('') is 0, and a prefix of 0 trusts everybody.
    const prefix = bits === undefined ? widest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (isIP(address) === 0 || !(prefix <= widest) || more.length > 0) {
      throw new RangeError(`${entry} is not an IP address or a CIDR range`);
    }
    list.addSubnet(address, prefix, family);
  }
  return list;
}

/**
 * Reads the PROXY protocol header at the start of connections from trusted balancers, and remembers whom each one
 * speaks for. Connections from elsewhere are not for this: a header from a stranger is not believed.
 */
export class ProxyFront {
  readonly #trusted: BlockList;
  readonly #noise: Noise;
  /** Clients by their balancer's address and port, which are unique while the connection lasts. */
  readonly #clients = new Map<string, Endpoint>();

  constructor(trusted: readonly string[], noise: Noise) {
    this.#trusted = addressList(trusted);
    this.#noise = noise;
  }

  /** Whether a connection from this address has a header that is believed. */
  trusts(address: string): boolean {
    return this.#trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  /** Reads the header of a trusted balancer's connection, then calls `next` with it. */
  accept(socket: Socket, next: (socket: Socket) => void): void {
    let received: Buffer = Buffer.alloc(0);
    const fail = () => {
      this.#noise.count('bad_proxy_header');
      socket.destroy();
    };
    const deadline = setTimeout(fail, defaults.loginStepTimeout);
    const onClose = () => clearTimeout(deadline);
    const onData = (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      try {
        const header = readProxyHeader(received);
        if (header.status === 'incomplete') return;
        clearTimeout(deadline);
        socket.off('data', onData).off('close', onClose).pause();
        if (header.source !== undefined) this.#remember(socket, header.source);
        if (received.length > header.length) socket.unshift(received.subarray(header.length));
        next(socket);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        fail();
      }
    };
    socket.on('close', onClose).on('data', onData);
  }

  /** Whom a connection, or the TLS connection inside it, speaks for. */
  clientOf(socket: { remoteAddress?: string | undefined; remotePort?: number | undefined }): Endpoint {
    return this.#clients.get(`${socket.remoteAddress} ${socket.remotePort}`) ?? endpointOf(socket);
  }

  #remember(socket: Socket, source: Endpoint): void {
    const id = `${socket.remoteAddress} ${socket.remotePort}`;
    this.#clients.set(id, { address: unmapAddress(source.address), port: source.port });
    socket.on('close', () => this.#clients.delete(id));
  }
}
