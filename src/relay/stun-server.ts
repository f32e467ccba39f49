import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseIpAddress } from '../protocol/ip-address.ts';
import { encodeBindingAnswer, readBindingRequest } from '../protocol/stun.ts';
import type { Counters } from './counters.ts';
import { defaults } from './defaults.ts';

const BUCKETS = 1 << 14;
const NO_ADDRESS = Buffer.alloc(0);

/**
 * Caps the answers a second for one address. Addresses share a fixed number of counters, chosen by a hash that is
 * different in each process, so that no flood of forged addresses makes it grow.
 */
export class AnswerLimit {
  readonly #counts = new Uint16Array(BUCKETS);
  readonly #perSecond: number;
  readonly #seed = (Math.random() * 0x7fffffff) | 0;
  #second = 0;

  constructor(perSecond: number = defaults.stunAnswersPerSecond) {
    this.#perSecond = Math.min(perSecond, 0xffff);
  }

  /** Whether `address` may have another answer. IPv6 is counted by /64: that is what one host usually has. */
  allow(address: string, now: number = Date.now()): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#counts.fill(0);
    }
    const bucket = this.#hash(address);
    const count = this.#counts[bucket]!;
    if (count >= this.#perSecond) return false;
    this.#counts[bucket] = count + 1;
    return true;
  }

  #hash(address: string): number {
    // As bytes: the text of an IPv6 address does not say where its first 64 bits end when zeros are left out.
    const bytes = parseIpAddress(address) ?? NO_ADDRESS;
    const length = Math.min(bytes.length, 8);
    let hash = this.#seed;
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    return (hash ^ (hash >>> 15)) & (BUCKETS - 1);
  }
}

/** A STUN server on one UDP port, IPv4 and IPv6. */
export interface StunServer {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Starts answering STUN binding requests.
 * @param host an address to bind, or null for every IPv4 and IPv6 address
 * @param answers whether a datagram from this address is looked at; whatever it refuses, it counts itself
 * @throws the system's error when the port cannot be bound
 */
export async function startStunServer(
  host: string | null,
  port: number,
  counters: Counters,
  answers: (address: string) => boolean = () => true,
): Promise<StunServer> {
  const socket = await bind(host, port);
  const limit = new AnswerLimit();
  socket.on('message', (datagram, sender) => {
    if (!answers(sender.address)) return;
    const request = readBindingRequest(datagram);
    // Nobody can be answered at port 0, and send() throws for it, but anybody can forge a datagram from there.
    if (request === undefined || sender.port === 0) {
      counters.stunIgnored++;
      return;
    }
    // Both the limit and the answer take a v4-mapped address for the IPv4 one that it is.
    if (!limit.allow(sender.address)) {
      counters.stunOverLimit++;
      return;
    }
    counters.stunAnswered++;
    const answer = encodeBindingAnswer(request.transactionId, sender.address, sender.port);
    // An answer that cannot be sent is like one that is lost on the way: the client asks again.
    socket.send(answer, sender.port, sender.address, () => {});
  });
  socket.on('error', () => {});
  return {
    port: socket.address().port,
    stop: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

async function bind(host: string | null, port: number): Promise<Socket> {
  if (host !== null) return bindOne(host.includes(':') ? 'udp6' : 'udp4', host, port);
  try {
    return await bindOne('udp6', '::', port);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // A machine without IPv6.
    if (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL') return bindOne('udp4', '0.0.0.0', port);
    throw error;
  }
}

async function bindOne(type: 'udp4' | 'udp6', address: string, port: number): Promise<Socket> {
  const socket = createSocket({ type, ipv6Only: false, recvBufferSize: 1 << 20 });
  try {
    socket.bind({ port, address, exclusive: true });
    await once(socket, 'listening');
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
