import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import nacl from 'tweetnacl';
import { FrameDecoder } from '../../../src/protocol/frame-decoder.ts';
import { encodeFrame } from '../../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../../src/protocol/frame-types.ts';

/** A frame as it arrived. */
export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

const MAGIC = 'DERP🔑';
/** Long: it only matters when something is wrong, and a busy machine is not. */
const PATIENCE_MS = 20_000;

/** How a raw client becomes a DERP client. */
export interface LoginOptions {
  /** `fast-start` sends the login behind the request, `upgrade` waits for the answer. */
  way?: 'fast-start' | 'upgrade';
  tls?: boolean;
  /** The secret key; random when absent. */
  secret?: Uint8Array;
  /** More lines for the request head, each with its CRLF. */
  headers?: string;
  clientInfo?: Record<string, unknown>;
  /** For fast start, which must know the relay's key before the relay says it. */
  relayKey?: Uint8Array;
}

/**
 * A client that shares nothing with src/client: it says exactly the bytes it is told to, right or wrong, and makes its
 * boxes with tweetnacl.
 */
export class RawClient implements AsyncDisposable {
  readonly socket: Duplex;
  readonly keys: nacl.BoxKeyPair;
  readonly frames: Frame[] = [];
  /** What came in front of the first frame: the answer to the upgrade. */
  head = '';
  closed = false;
  #decoder: FrameDecoder;
  #waiting: (() => void)[] = [];
  #inHead = false;
  #taken = 0;

  constructor(socket: Duplex, secret?: Uint8Array) {
    this.socket = socket;
    this.keys = secret ? nacl.box.keyPair.fromSecretKey(secret) : nacl.box.keyPair();
    this.#decoder = new FrameDecoder({
      admit: () => 'read',
      frame: (type, bytes, start, end) => {
        this.frames.push({ type, payload: Buffer.from(bytes.subarray(start, end)) });
      },
    });
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  get publicKey(): Buffer {
    return Buffer.from(this.keys.publicKey);
  }

  /** Says that an HTTP answer comes before the frames. */
  expectHead(): void {
    this.#inHead = true;
  }

  write(bytes: Uint8Array | string): void {
    this.socket.write(bytes);
  }

  send(type: number, ...parts: Uint8Array[]): void {
    this.write(encodeFrame(type, ...parts));
  }

  sendPacket(destination: Uint8Array, packet: Uint8Array): void {
    this.send(FrameType.SendPacket, destination, packet);
  }

  /** The ClientInfo payload for a relay's key. */
  clientInfo(relayKey: Uint8Array, info: Record<string, unknown> = { version: 2 }): Buffer {
    const nonce = nacl.randomBytes(24);
    const box = nacl.box(Buffer.from(JSON.stringify(info)), nonce, relayKey, this.keys.secretKey);
    return Buffer.concat([this.keys.publicKey, nonce, box]);
  }

  /** The next frame that arrives, or arrived and was not asked for yet. @throws when the connection ends first */
  async next(timeoutMs = PATIENCE_MS): Promise<Frame> {
    await this.until(() => this.frames.length > this.#taken || this.closed, timeoutMs);
    const frame = this.frames[this.#taken];
    if (frame === undefined) throw new Error('the relay closed the connection');
    this.#taken++;
    return frame;
  }

  /** The next frame of a type; those before it are passed over. */
  async nextOf(type: number, timeoutMs = PATIENCE_MS): Promise<Buffer> {
    for (;;) {
      const frame = await this.next(timeoutMs);
      if (frame.type === type) return frame.payload;
    }
  }

  /** Payloads of all frames of a type so far. */
  all(type: number): Buffer[] {
    return this.frames.filter((frame) => frame.type === type).map((frame) => frame.payload);
  }

  /** Waits until `condition` holds, looking again whenever something arrives. */
  async until(condition: () => boolean, timeoutMs = PATIENCE_MS): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!condition()) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`nothing after ${timeoutMs} ms: ${condition}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 50));
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Waits until the relay has closed the connection. */
  async untilClosed(timeoutMs = PATIENCE_MS): Promise<void> {
    await this.until(() => this.closed, timeoutMs);
  }

  /** All that was sent before this has been dealt with by the relay: it has answered a ping. */
  async settled(): Promise<void> {
    const token = nacl.randomBytes(8);
    this.send(FrameType.Ping, token);
    await this.until(() => this.all(FrameType.Pong).some((pong) => pong.equals(token)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed) return;
    this.socket.destroy();
    await this.untilClosed();
  }

  #receive(chunk: Buffer): void {
    let rest = chunk;
    if (this.#inHead) {
      this.head += chunk.toString('latin1');
      const end = this.head.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#inHead = false;
      rest = Buffer.from(this.head.slice(end + 4), 'latin1');
      this.head = this.head.slice(0, end + 4);
    }
    this.#decoder.push(rest);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** Logs in on a connection that is DERP already: waits for the greeting, proves the key. */
export async function proveKey(client: RawClient, clientInfo?: Record<string, unknown>): Promise<void> {
  const greeting = await client.nextOf(FrameType.ServerKey);
  if (greeting.subarray(0, 8).toString() !== MAGIC) throw new Error('no magic');
  client.send(FrameType.ClientInfo, client.clientInfo(greeting.subarray(8, 40), clientInfo));
  await client.nextOf(FrameType.ServerInfo);
}

/** Opens a connection to a relay on loopback, and TLS unless told otherwise, without saying anything yet. */
export async function dial(port: number, tls = true, secret?: Uint8Array): Promise<RawClient> {
  const socket = tls
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
    : connectTcp({ port, host: '127.0.0.1', noDelay: true });
  const client = new RawClient(socket, secret);
  await once(socket, tls ? 'secureConnect' : 'connect');
  return client;
}

/** Connects and logs in; returns when the relay has sent ServerInfo. */
export async function logIn(port: number, options: LoginOptions = {}): Promise<RawClient> {
  const { way = 'upgrade', tls = true, secret, headers = '', clientInfo, relayKey } = options;
  const client = await dial(port, tls, secret);
  const request = `GET /derp HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n${headers}`;
  if (way === 'fast-start') {
    const info = client.clientInfo(relayKey!, clientInfo);
    client.write(Buffer.concat([Buffer.from(`${request}Derp-Fast-Start: 1\r\n\r\n`), encodeFrame(2, info)]));
    await client.nextOf(FrameType.ServerKey);
    await client.nextOf(FrameType.ServerInfo);
  } else {
    client.expectHead();
    client.write(`${request}\r\n`);
    await proveKey(client, clientInfo);
  }
  return client;
}
