/** Asks a STUN server over UDP from which address our packets reach it. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { performance } from 'node:perf_hooks';
import { ProtocolError } from '../protocol/errors.ts';
import {
  encodeBindingRequest,
  type MappedAddress,
  parseBindingAnswer,
  stunTransactionId,
  TRANSACTION_ID_LENGTH,
} from '../protocol/stun.ts';
import { systemCode } from './errors.ts';
import { waitFor } from './wait.ts';

/** When a request is sent again, in milliseconds after the one before; the last value repeats (RFC 8489, 6.2.1, quicker). */
const RETRANSMIT_MS = [200, 400, 800, 1600];

/**
 * - `timeout`: no answer at all.
 * - `refused`: the host says that nobody listens on that port (ICMP).
 * - `unreachable`: the packet could not be sent: no route, no such address family here.
 * - `bad-answer`: something answered, but not as STUN should.
 * - `aborted`: the caller's signal.
 */
export type StunErrorCode = 'timeout' | 'refused' | 'unreachable' | 'bad-answer' | 'aborted';

/** Why there was no answer. */
export class StunError extends Error {
  readonly code: StunErrorCode;

  constructor(code: StunErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StunError';
    this.code = code;
  }
}

/** Whom to ask. */
export interface StunQuery {
  /** An IP address. */
  address: string;
  /** Default 3478. */
  port?: number;
  /** For all tries together, in milliseconds; default 3,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** The answer. */
export interface StunAnswer {
  /** The address and port from which the server saw our request come. */
  mapped: MappedAddress;
  /** The address and port of our own socket, which is the same where no NAT is in between. */
  local: MappedAddress;
  /** From sending the request that was answered to the answer, in milliseconds. */
  rttMs: number;
  /** Requests sent. */
  tries: number;
}

/**
 * Sends a binding request, again and again until an answer comes. Every try has a transaction id of its own, so that the
 * round trip is known to belong to it.
 * @throws StunError
 */
export async function queryStun({ address, port = 3478, timeoutMs = 3000, signal }: StunQuery): Promise<StunAnswer> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  const sent = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let badAnswer: ProtocolError | undefined;
  try {
    return await waitFor<StunAnswer>(signal ?? new AbortController().signal, (resolve, reject) => {
      const end = setTimeout(() => reject(timedOut(badAnswer, timeoutMs, sent.size)), timeoutMs);
      const send = () => {
        const id = randomBytes(TRANSACTION_ID_LENGTH);
        timer = setTimeout(send, RETRANSMIT_MS[Math.min(sent.size, RETRANSMIT_MS.length - 1)]);
        sent.set(id.toString('hex'), performance.now());
        socket.send(encodeBindingRequest(id), (cause) => {
          if (cause) reject(notSent(cause));
        });
      };
      socket.on('error', (cause) => reject(notSent(cause)));
      socket.on('message', (datagram) => {
        const now = performance.now();
        const id = stunTransactionId(datagram);
        const sentAt = sent.get(id?.toString('hex') ?? '');
        try {
          // Somebody else's or no STUN at all: parsing says which.
          const mapped = parseBindingAnswer(datagram, id && sentAt !== undefined ? id : Buffer.alloc(1));
          const { address: localAddress, port: localPort } = socket.address();
          const local = { address: localAddress, port: localPort };
          resolve({ mapped, local, rttMs: now - sentAt!, tries: sent.size });
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          badAnswer = error;
        }
      });
      // Connected, the socket hears of ICMP errors, and of nobody but the server.
      socket.connect(port, address, ((cause?: Error) => {
        if (cause) reject(notSent(cause));
        else send();
      }) as () => void);
      return () => clearTimeout(end);
    });
  } catch (error) {
    if (error instanceof StunError) throw error;
    throw new StunError('aborted', 'given up', { cause: error });
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

function timedOut(badAnswer: ProtocolError | undefined, timeoutMs: number, tries: number): StunError {
  if (badAnswer) return new StunError('bad-answer', badAnswer.message, { cause: badAnswer });
  return new StunError('timeout', `no answer to ${tries} requests within ${timeoutMs} ms`);
}

function notSent(cause: Error): StunError {
  const code = systemCode(cause);
  if (code === 'ECONNREFUSED') return new StunError('refused', 'nobody listens on the port', { cause });
  return new StunError('unreachable', `the request could not be sent: ${code}`, { cause });
}
