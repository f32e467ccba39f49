import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { RelayConfig } from '../config.ts';
import type { Counters } from '../counters.ts';
import { ConnectionLimits, type CountedConnection, type ExceededLimit } from '../limits/connection-limits.ts';
import type { Noise } from '../noise.ts';
import { TokenBucket } from '../sessions/token-bucket.ts';
import type { AlpnChallenges } from './alpn-challenge.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';
import { ForwardedClients } from './forwarded.ts';
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

/** Connections that stand for many count in all, but by no address. */
const NOBODY = '127.0.0.1';

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
  readonly #forwarded: ForwardedClients | undefined;
  readonly #acceptLimit: TokenBucket | undefined;
  readonly #limits: ConnectionLimits;
  readonly #counted = new Map<string, CountedConnection>();
  readonly #connections = new Set<Socket>();

  /** @param next what happens to those that are let in */
  constructor(options: DoorOptions, next: (socket: Socket) => void) {
    const { acceptLimit, proxyProtocolFrom, forwardedFrom, connectionLimits } = options.config;
    this.#options = options;
    this.#next = next;
    this.#acceptLimit = acceptLimit ? new TokenBucket(acceptLimit.perSecond, acceptLimit.burst) : undefined;
    this.#proxy = proxyProtocolFrom.length > 0 ? new ProxyFront(proxyProtocolFrom, options.noise) : undefined;
    this.#forwarded = forwardedFrom.length > 0 ? new ForwardedClients(forwardedFrom) : undefined;
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
    const forwarded = this.isForwarded(socket);
    if (!proxied && !forwarded && !admits(address)) {
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
      this.#count(socket, forwarded ? NOBODY : address);
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

  /** Whether each request on a connection, or on the TLS connection inside it, is some client's of an HTTP proxy. */
  isForwarded(socket: Socket): boolean {
    const { address } = endpointOf(socket);
    return this.#forwarded?.trusts(address) === true && this.#proxy?.trusts(address) !== true;
  }

  /** Whose a request is: the connection's, or the client that its proxy names; undefined where it names none. */
  clientOfRequest(socket: Socket, headers: IncomingHttpHeaders): Endpoint | undefined {
    if (!this.isForwarded(socket)) return this.clientOf(socket);
    const address = this.#forwarded!.clientIn(headers);
    if (address === undefined) this.#options.noise.count('bad_forwarded_header');
    return address === undefined ? undefined : { address, port: 0 };
  }

  /** Whether a client may ask for something, as far as its address is concerned, when a proxy has asked for it. */
  admitsRequest(socket: Socket, { address }: Endpoint): boolean {
    if (!this.isForwarded(socket) || this.#options.admits(address)) return true;
    this.#options.counters.addressesRefused++;
    this.#options.noise.count('address_refused');
    return false;
  }

  /** Counts a proxy's connection as its client's, who has it alone from now on; false: that is one too many. */
  takeOver(socket: Socket, { address }: Endpoint): boolean {
    if (!this.isForwarded(socket)) return true;
    this.#counted.get(idOf(socket))?.closed();
    const counted = this.#limits.admit(address);
    if (typeof counted === 'string') {
      this.#refuseMore(socket, counted);
      return false;
    }
    this.#keepCount(socket, counted);
    return true;
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
    this.#keepCount(socket, counted);
    this.#next(socket);
  }

  #keepCount(socket: Socket, counted: CountedConnection): void {
    const id = idOf(socket);
    this.#counted.set(id, counted);
    socket.on('close', () => {
      this.#counted.delete(id);
      counted.closed();
    });
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
