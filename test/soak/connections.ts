/** Connections of those who mean no good. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { encodeFrame } from '../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../src/protocol/frame-types.ts';
import { proxyV1 } from '../relay/support/proxy-header.ts';
import { type LoginOptions, logIn, type RawClient } from '../relay/support/raw-client.ts';
import { RelayFault, type Target } from './target.ts';

/** The relay ends every step of a login after 10 s; this much more is for a machine that is busy. */
export const PATIENCE = 40_000;

export const UPGRADE = 'GET /derp HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n';

/** A TCP connection; what becomes of it is the caller's business, errors included. */
export function openTcp(port: number): Socket {
  return connectTcp({ port, host: '127.0.0.1', noDelay: true }).on('error', () => {});
}

/** The TCP connections below TLS, for those who end them without a word. */
const below = new WeakMap<Socket, Socket>();

/** A TLS connection whose handshake is done. */
export async function openTls(port: number): Promise<TLSSocket> {
  const tcp = openTcp(port);
  const socket = connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  below.set(socket, tcp);
  socket.on('error', () => {});
  await connected(socket, 'secureConnect');
  return socket;
}

/** Such a connection from an address that a balancer speaks for; undefined when the relay ends it before the handshake. */
export async function openTlsAs(address: string, balancer: string, port: number): Promise<TLSSocket | undefined> {
  const tcp = connectTcp({ port, host: '127.0.0.1', localAddress: balancer, noDelay: true }).on('error', () => {});
  tcp.write(proxyV1(address, 40_000));
  const socket = connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  below.set(socket, tcp);
  socket.on('error', () => {});
  try {
    await connected(socket, 'secureConnect');
    return socket;
  } catch {
    return undefined;
  }
}

/** Waits for an event of a socket that may end first. */
export async function connected(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  const ended = closeOf(socket).then(() => {
    throw new Error('the connection ended before it began');
  });
  ended.catch(() => {});
  await Promise.race([once(socket, event), ended]);
}

/** Resolves when a socket is closed, in good order or not. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}

/** Resolves when a socket takes bytes again, is closed, or has done neither for a second. */
export function drained(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      socket.off('drain', done).off('close', done);
      resolve();
    };
    const timer = setTimeout(done, 1000);
    socket.on('drain', done).on('close', done);
  });
}

/** Waits until the relay has closed a connection. @throws RelayFault when it does not */
export async function mustClose(socket: Socket, what: string, patience = PATIENCE): Promise<void> {
  if (socket.closed) return;
  socket.resume();
  const timer = new AbortController();
  const closed = closeOf(socket).then(() => true);
  const late = delay(patience, false, { signal: timer.signal }).catch(() => false);
  const done = await Promise.race([closed, late]);
  timer.abort();
  socket.destroy();
  if (!done) throw new RelayFault(`${what}: the relay keeps the connection for more than ${patience / 1000} s`);
}

/** Ends a connection at once, the way a crashed program's machine does. */
export function reset(socket: Socket): void {
  const tcp = below.get(socket);
  if (tcp !== undefined) tcp.resetAndDestroy();
  else if (!(socket instanceof TLSSocket)) socket.resetAndDestroy();
  // Not in the same turn: Node (20 to 26) ends by SIGSEGV when TLS is destroyed right after the connection below it.
  setImmediate(() => socket.destroy());
}

/** Logs in, in the way of new clients and of old ones by turns. */
export function enter(target: Target, way: 'fast-start' | 'upgrade', options: LoginOptions = {}): Promise<RawClient> {
  return logIn(target.port, { ...options, way, relayKey: target.publicKey });
}

/** All that a client with fast start says before it hears anything. */
export function fastStart(target: Target, client: RawClient): Buffer {
  return Buffer.concat([
    Buffer.from(`${UPGRADE}Derp-Fast-Start: 1\r\n\r\n`),
    encodeFrame(FrameType.ClientInfo, client.clientInfo(target.publicKey)),
  ]);
}

/** The socket of a raw client. */
export function socketOf(client: RawClient): Socket {
  return client.socket as Socket;
}
