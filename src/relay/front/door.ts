import type { Socket } from 'node:net';
import type { RelayConfig } from '../config.ts';
import type { Counters } from '../counters.ts';
import { ConnectionLimits, type CountedConnection, type ExceededLimit } from '../limits/connection-limits.ts';
import type { Noise } from '../noise.ts';
import { TokenBucket } from '../sessions/token-bucket.ts';
import type { AlpnChallenges } from './alpn-challenge.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';
import { ProxyFront } from './proxy-front.ts';

/** What the door needs to know. */
export interface DoorOptions {
  readonly config: RelayConfig;
  readonly counters: Counters;
  readonly noise: Noise;
  /** Whether connections from this address are taken. */
  readonly admits: (address: string) => boolean;
  /** The challenges of certificate authorities, which come from anywhere; undefined where there are none. */
  readonly challenges: AlpnChallenges | undefined;
}

/** What a connection is known by: the address and port of its other end, which are unique while it lasts. */
const idOf = ({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>) =>
  `${remoteAddress} ${remotePort}`;

/**
 * Where connections come in, before anything is read that they say: address lists, accept limit, PROXY header of
 * balancers, and how many may be open.
 */
export class Door {
  readonly #options: DoorOptions;
  readonly #next: (socket: Socket) => void;
  readonly #proxy: ProxyFront | undefined;
  readonly #acceptLimit: TokenBucket | undefined;
  readonly #limits: ConnectionLimits;
  readonly #counted = new Map<string, CountedConnection>();
  readonly #connections = new Set<Socket>();

  /** @param next what happens to those that are let in */
  constructor(options: DoorOptions, next: (socket: Socket) => void) {
    const { acceptLimit, proxyProtocolFrom, connectionLimits } = options.config;
    this.#options = options;
    this.#next = next;
    this.#acceptLimit = acceptLimit ? new TokenBucket(acceptLimit.perSecond, acceptLimit.burst) : undefined;
    this.#proxy = proxyProtocolFrom.length > 0 ? new ProxyFront(proxyProtocolFrom, options.noise) : undefined;
    this.#limits = new ConnectionLimits(connectionLimits);
  }

  /** Takes a connection, or closes it at once, so that clients see an end and back off. */
  accept(socket: Socket): void {
    const { counters, admits } = this.#options;
    counters.accepts++;
    // Without a listener a reset connection would end the process; the 'close' that follows is what counts.
    socket.on('error', () => {});
    const { address } = endpointOf(socket);
    // Whom a balancer speaks for is known when its header has been read.
    const proxied = this.#proxy?.trusts(address) === true;
    if (!proxied && !admits(address)) {
      this.#refuseAddress(socket);
      return;
    }
    if (this.#acceptLimit?.take() === false) {
      counters.acceptsOverLimit++;
      socket.destroy();
      return;
    }
    this.#remember(socket);
    if (!proxied) {
      this.#count(socket, address);
      return;
    }
    this.#proxy!.accept(socket, (ready) => {
      const client = this.clientOf(ready).address;
      if (admits(client)) this.#count(ready, client);
      else this.#refuseAddress(ready);
    });
  }

  /** Whom a connection, or the TLS connection inside it, speaks for. */
  clientOf(socket: Socket): Endpoint {
    return this.#proxy?.clientOf(socket) ?? endpointOf(socket);
  }

  /** Notes that a connection, or the TLS connection inside it, has logged in. */
  loggedIn(socket: Socket): void {
    this.#counted.get(idOf(socket))?.loggedIn();
  }

  /** Closes every connection that is still open. */
  destroyConnections(): void {
    for (const socket of this.#connections) socket.destroy();
  }

  #remember(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
  }

  /** Hands a connection on, unless too many are open. */
  #count(socket: Socket, address: string): void {
    const counted = this.#limits.admit(address);
    if (typeof counted === 'string') {
      this.#refuseMore(socket, counted);
      return;
    }
    const id = idOf(socket);
    this.#counted.set(id, counted);
    socket.on('close', () => {
      this.#counted.delete(id);
      counted.closed();
    });
    this.#next(socket);
  }

  #refuseMore(socket: Socket, limit: ExceededLimit): void {
    const { counters, noise } = this.#options;
    counters.connectionsOverLimit[limit]++;
    noise.count('too_many_connections');
    socket.destroy();
  }

  /** Turns away somebody whose address is kept out, unless it is a certificate authority with a challenge. */
  #refuseAddress(socket: Socket): void {
    const { counters, noise, challenges } = this.#options;
    const refuseNow = () => {
      counters.addressesRefused++;
      noise.count('address_refused');
      socket.destroy();
    };
    if (challenges?.pending) {
      this.#remember(socket);
      challenges.accept(socket, refuseNow);
    } else refuseNow();
  }
}
