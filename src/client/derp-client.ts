/** One connection to a relay, logged in. Made by connectDerp in connect.ts. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { ProtocolError } from '../protocol/errors.ts';
import { FrameDecoder } from '../protocol/frame-decoder.ts';
import {
  encodeFrame,
  encodeNotePreferred,
  encodePing,
  encodePong,
  encodeSendPacket,
} from '../protocol/frame-encoder.ts';
import {
  FRAME_HEADER_LENGTH,
  FrameType,
  KEY_LENGTH,
  MAX_PACKET_LENGTH,
  PeerGoneReason,
  PING_LENGTH,
} from '../protocol/frame-types.ts';
import type { ServerInfo } from '../protocol/login.ts';
import type { ByteStream } from './byte-stream.ts';
import { DerpClientError } from './errors.ts';
import { readUpgradeAnswer } from './http-upgrade.ts';
import { admitFrame, type PresentPeer, readPeerPresent } from './incoming-frames.ts';
import type { Login } from './login.ts';
import type { TlsSession } from './tls.ts';
import { waitFor } from './wait.ts';

/**
 * How the DERP protocol was reached: straight after the HTTP request, after a `101` answer, or inside a WebSocket.
 */
export type LoginWay = 'fast-start' | 'upgrade' | 'websocket';

/** What a client is told, each as it happens. Keys and packets are views of what arrived and may be kept. */
export interface DerpClientHandlers {
  onPacket?(source: Buffer, packet: Buffer): void;
  onPeerGone?(peer: Buffer, reason: number): void;
  /** After `watchConnections` only. */
  onPeerPresent?(peer: PresentPeer): void;
  /** A problem with this connection, such as a second one with the same key; empty text: it is over. */
  onHealth?(problem: string): void;
  /** The relay goes down: reconnect after the first time, for as long as the second, both in milliseconds. */
  onRestarting?(reconnectInMs: number, tryForMs: number): void;
  /** All that was sent has left our memory, after `send` said false. */
  onDrain?(): void;
  /** The connection is over; called once, with why. Its code is `closed` after `close()`. */
  onClose?(error: DerpClientError): void;
}

/** What a client allows a relay, and itself. */
export interface DerpClientLimits {
  /** Silence after which the relay is taken for dead, in milliseconds; it sends a keep-alive each minute. */
  silenceMs: number;
  /** Bytes that may wait for the network before packets are dropped. */
  maxUnsent: number;
}

/** Bytes that must be allowed to wait, so that the largest packet can be sent. */
export const MIN_UNSENT = FRAME_HEADER_LENGTH + 2 * KEY_LENGTH + MAX_PACKET_LENGTH;
/** How long the relay may take to close its side after `close()`, in milliseconds. */
const CLOSE_MS = 1000;

/** One connection to a relay, logged in. */
export class DerpClient {
  readonly way: LoginWay;
  /** Our own public key. */
  readonly publicKey: Buffer;
  /** The TLS connection's facts; undefined over plain TCP. */
  readonly tls: TlsSession | undefined;
  /** The address that was reached. */
  readonly remoteAddress: string;
  /** To be changed at will. */
  handlers: DerpClientHandlers;

  readonly #stream: ByteStream;
  readonly #login: Login;
  readonly #limits: DerpClientLimits;
  readonly #decoder: FrameDecoder;
  readonly #watchdog: NodeJS.Timeout;
  readonly #pings = new Map<string, () => void>();
  #serverInfo: ServerInfo | undefined;
  #onLogin: () => void = () => {};
  #onFailure: (error: DerpClientError) => void = () => {};
  #error: DerpClientError | undefined;
  #lastHeard = performance.now();
  #isFull = false;

  /** For connectDerp: takes over a stream on which DERP is to begin. */
  constructor(
    stream: ByteStream,
    login: Login,
    facts: Pick<DerpClient, 'way' | 'publicKey' | 'tls' | 'remoteAddress'>,
    limits: DerpClientLimits,
    handlers: DerpClientHandlers,
  ) {
    this.way = facts.way;
    this.publicKey = facts.publicKey;
    this.tls = facts.tls;
    this.remoteAddress = facts.remoteAddress;
    this.handlers = handlers;
    this.#stream = stream;
    this.#login = login;
    this.#limits = limits;
    this.#decoder = new FrameDecoder({
      admit: admitFrame,
      frame: (type, bytes, start, end) => this.#takeFrame(type, bytes, start, end),
    });
    this.#watchdog = setInterval(() => this.#checkSilence(), Math.max(limits.silenceMs / 8, 10)).unref();
  }

  /**
   * For connectDerp: starts reading and waits until the relay has let us in. With a known relay key ClientInfo must have
   * been written already.
   * @throws DerpClientError refused, protocol, closed
   */
  async logIn(signal: AbortSignal): Promise<void> {
    await waitFor<void>(signal, (resolve, reject) => {
      this.#onLogin = resolve;
      this.#onFailure = reject;
      this.#stream.start({
        onBytes: (bytes) => this.#takeBytes(bytes),
        onDrain: () => this.#drained(),
        onEnd: (cause) => this.#ended(cause),
      });
      return () => {
        this.#onLogin = () => {};
        this.#onFailure = () => {};
      };
    });
  }

  /** The relay's public key, 32 bytes. */
  get serverKey(): Buffer {
    return this.#login.serverKey!;
  }

  /** What the relay said of itself and its limits. */
  get serverInfo(): ServerInfo {
    return this.#serverInfo!;
  }

  /** Why the connection is over; undefined while it is not. */
  get error(): DerpClientError | undefined {
    return this.#error;
  }

  /** Bytes sent that the system has not taken yet. */
  get unsent(): number {
    return this.#stream.unsent;
  }

  /**
   * Sends a packet (at most 65,536 bytes) to the peer with this key (32 bytes); both may be used again at once.
   * False: it was dropped, as too much waits for the network already or the connection is over; `onDrain` tells when to
   * go on. DERP promises no delivery either way.
   * @throws RangeError for a wrong length of either
   */
  send(destination: Uint8Array, packet: Uint8Array): boolean {
    return this.#write(encodeSendPacket(destination, packet));
  }

  /** As a mesh peer: hands over a packet that a client of ours sent to a client of theirs. As `send` otherwise. */
  forward(source: Uint8Array, destination: Uint8Array, packet: Uint8Array): boolean {
    if (source.length !== KEY_LENGTH || destination.length !== KEY_LENGTH || packet.length > MAX_PACKET_LENGTH) {
      throw new RangeError('a key or packet of a length that cannot be forwarded');
    }
    return this.#write(encodeFrame(FrameType.ForwardPacket, source, destination, packet));
  }

  /** Tells the relay whether it is our home. */
  notePreferred(preferred: boolean): void {
    this.#write(encodeNotePreferred(preferred));
  }

  /** As a mesh peer: asks to be told of all clients, now and from here on. */
  watchConnections(): void {
    this.#write(encodeFrame(FrameType.WatchConns));
  }

  /** As a mesh peer: asks the relay to disconnect a client. */
  closePeer(key: Uint8Array): void {
    this.#write(encodeFrame(FrameType.ClosePeer, key));
  }

  /**
   * Asks the relay for a sign of life. Returns how long it took, in milliseconds.
   * @throws DerpClientError timeout, or why the connection is over
   */
  async ping(timeoutMs = 5000): Promise<number> {
    if (this.#error) throw this.#error;
    const data = randomBytes(PING_LENGTH);
    const name = data.toString('hex');
    const begun = performance.now();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pings.delete(name);
        reject(new DerpClientError('timeout', `no answer to a ping within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pings.set(name, () => {
        clearTimeout(timer);
        this.#pings.delete(name);
        if (this.#error) reject(this.#error);
        else resolve(performance.now() - begun);
      });
      this.#write(encodePing(data));
    });
  }

  /** Ends the connection, after what was sent has left. */
  close(): void {
    this.#finish(new DerpClientError('closed', 'closed by us'), false);
  }

  #write(frame: Buffer): boolean {
    if (this.#error) return false;
    if (this.#stream.unsent + frame.length > this.#limits.maxUnsent) {
      this.#isFull = true;
      return false;
    }
    this.#stream.write(frame);
    return true;
  }

  #drained(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.handlers.onDrain?.();
  }

  #takeBytes(bytes: Buffer): void {
    if (this.#error) return;
    this.#lastHeard = performance.now();
    try {
      this.#decoder.push(bytes);
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      this.#finish(this.#explain(bytes, cause), true);
    }
  }

  /** With fast start, a proxy that does not know it still answers in HTTP; that says more than "not DERP". */
  #explain(bytes: Buffer, cause: ProtocolError): DerpClientError {
    const plain = new DerpClientError('protocol', `not DERP: ${cause.message}`, { step: this.#step, cause });
    if (this.#login.serverKeyConfirmed || bytes.toString('latin1', 0, 5) !== 'HTTP/') return plain;
    try {
      readUpgradeAnswer(bytes);
      return plain;
    } catch (error) {
      return error instanceof DerpClientError ? error : plain;
    }
  }

  #takeFrame(type: number, bytes: Buffer, start: number, end: number): void {
    // After close() the rest of what had arrived is of no interest.
    if (this.#error) return;
    const payload = bytes.subarray(start, end);
    switch (type) {
      case FrameType.ServerKey: {
        const answer = this.#login.takeServerKey(bytes, start, end);
        if (answer) this.#stream.write(answer);
        return;
      }
      case FrameType.ServerInfo:
        this.#serverInfo = this.#login.takeServerInfo(payload);
        this.#onLogin();
        return;
      case FrameType.RecvPacket:
        this.handlers.onPacket?.(payload.subarray(0, KEY_LENGTH), payload.subarray(KEY_LENGTH));
        return;
      case FrameType.PeerGone:
        // Relays of old times sent no reason.
        this.handlers.onPeerGone?.(payload.subarray(0, KEY_LENGTH), payload[KEY_LENGTH] ?? PeerGoneReason.Disconnected);
        return;
      case FrameType.PeerPresent:
        this.handlers.onPeerPresent?.(readPeerPresent(payload));
        return;
      case FrameType.Ping:
        this.#write(encodePong(payload.subarray(0, PING_LENGTH)));
        return;
      case FrameType.Pong:
        this.#pings.get(payload.toString('hex', 0, PING_LENGTH))?.();
        return;
      case FrameType.Health:
        this.handlers.onHealth?.(payload.toString('utf8'));
        return;
      case FrameType.Restarting:
        this.handlers.onRestarting?.(payload.readUInt32BE(0), payload.readUInt32BE(4));
        return;
    }
  }

  #checkSilence(): void {
    const silence = performance.now() - this.#lastHeard;
    if (silence <= this.#limits.silenceMs) return;
    const message = `nothing heard from the relay for ${Math.round(silence / 1000)} s`;
    this.#finish(new DerpClientError('timeout', message, { step: this.#step }), true);
  }

  #ended(cause: unknown): void {
    const isRefusal = this.#serverInfo === undefined && this.#login.hasIntroduced;
    const message = isRefusal ? 'the relay closed the connection in answer to the login' : 'the connection ended';
    this.#finish(new DerpClientError(isRefusal ? 'refused' : 'closed', message, { step: this.#step, cause }), true);
  }

  get #step(): 'login' | undefined {
    return this.#serverInfo ? undefined : 'login';
  }

  #finish(error: DerpClientError, atOnce: boolean): void {
    if (this.#error) return;
    this.#error = error;
    clearInterval(this.#watchdog);
    this.#decoder.release();
    if (atOnce) this.#stream.destroy();
    else {
      this.#stream.end();
      setTimeout(() => this.#stream.destroy(), CLOSE_MS).unref();
    }
    for (const settle of [...this.#pings.values()]) settle();
    if (this.#serverInfo) this.handlers.onClose?.(error);
    else this.#onFailure(error);
  }
}
