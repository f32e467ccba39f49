/** From a host to a logged-in DERP client. */
import type { Socket } from 'node:net';
import { generateKeyPair, type KeyPair } from '../protocol/keys.ts';
import { type ByteStream, SocketStream } from './byte-stream.ts';
import { Deadline } from './deadline.ts';
import { DerpClient, type DerpClientHandlers, type LoginWay, MIN_UNSENT } from './derp-client.ts';
import { dialTcp, resolveHost } from './dial.ts';
import { DerpClientError } from './errors.ts';
import { encodeUpgradeRequest, readUpgradeAnswer } from './http-upgrade.ts';
import { Login } from './login.ts';
import { openTls, type TlsSession } from './tls.ts';
import { judgeCertificate, type Trust } from './trust.ts';
import { waitFor } from './wait.ts';
import { openWebSocket } from './web-socket.ts';

/** Where to connect, whom to trust there, who we are. */
export interface ConnectOptions {
  /** The relay's name or IP address: for DNS, for TLS and for HTTP. An IPv6 address without brackets. */
  host: string;
  /** Default 443, without TLS 80. */
  port?: number;
  /** Connect to these addresses instead of the host's own, as over a private network. */
  addresses?: readonly string[];
  /** False: plain TCP. Default true. */
  tls?: boolean;
  /** Default: Node's own authorities. */
  trust?: Trust;
  /**
   * How to log in. `auto`, the default: fast start if the relay's key is known beforehand or read from its meta certificate
   * in TLS 1.3, else the upgrade, like Tailscale's clients. `fast-start` fails where that is not possible.
   * Seeing the meta certificate costs about a tenth more CPU for as long as the connection lasts, as all bytes take a
   * detour; where many packets will flow, give `serverKey` or ask for `upgrade`.
   */
  way?: LoginWay | 'auto';
  /** The relay's key if it is known, 32 bytes; a relay with another one is an error. */
  serverKey?: Uint8Array;
  /** Our own key; by default a new one. */
  keyPair?: KeyPair;
  /** The region's mesh key, 64 hex digits, to log in as a mesh peer. */
  meshKey?: string;
  /** Whether to say that we are a monitoring program. */
  isProber?: boolean;
  /** A name for the relay's statistics. */
  appName?: string;
  /** The node of the region that we would rather have, for the relay's statistics. */
  idealNode?: string;
  /** For everything until the login is complete, in milliseconds; default 10,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Silence after which an established connection counts as dead, in milliseconds; default 120,000. */
  silenceMs?: number;
  /** Bytes that may wait for the network before packets are dropped; default 1 MiB. */
  maxUnsent?: number;
  handlers?: DerpClientHandlers;
}

/**
 * Connects to a relay and logs in. When it resolves, the relay has admitted us.
 * @throws DerpClientError with the step that failed; nothing stays open then
 */
export async function connectDerp(options: ConnectOptions): Promise<DerpClient> {
  const deadline = new Deadline(options.timeoutMs ?? 10_000, options.signal);
  let tcp: Socket | undefined;
  try {
    const addresses = options.addresses?.length ? options.addresses : await resolveHost(options.host, deadline.signal);
    deadline.step = 'tcp';
    tcp = await dialTcp(addresses, portOf(options), deadline.signal);
    return await connectOver(tcp, options, deadline);
  } catch (error) {
    tcp?.on('error', () => {}).destroy();
    throw error;
  } finally {
    deadline.clear();
  }
}

async function connectOver(tcp: Socket, options: ConnectOptions, deadline: Deadline): Promise<DerpClient> {
  const remoteAddress = tcp.remoteAddress ?? 'unknown';
  const tls = options.tls === false ? undefined : await openTrustedTls(tcp, options, deadline);
  const serverKey = options.serverKey ?? tls?.relay?.publicKey;
  const way = chooseWay(options.way ?? 'auto', serverKey !== undefined);
  const keyPair = options.keyPair ?? generateKeyPair();
  const { meshKey, appName } = options;
  const info = {
    canAckPings: true,
    isProber: options.isProber ?? false,
    ...(meshKey === undefined ? {} : { meshKey }),
    ...(appName === undefined ? {} : { appName }),
  };
  // Only a key that was given is insisted on with an upgrade: the relay names its own then.
  const login = new Login(keyPair, info, way === 'fast-start' ? serverKey : options.serverKey);
  deadline.step = way === 'fast-start' ? 'login' : 'http';
  const stream = await openStream(way, tls?.socket ?? tcp, login, options, deadline.signal);
  deadline.step = 'login';
  const client = new DerpClient(
    stream,
    login,
    { way, publicKey: keyPair.publicKey, tls, remoteAddress },
    {
      silenceMs: options.silenceMs ?? 120_000,
      maxUnsent: Math.max(options.maxUnsent ?? 1 << 20, MIN_UNSENT),
    },
    options.handlers ?? {},
  );
  try {
    await client.logIn(deadline.signal);
  } catch (error) {
    client.close();
    stream.destroy();
    throw error;
  }
  return client;
}

async function openTrustedTls(tcp: Socket, options: ConnectOptions, deadline: Deadline): Promise<TlsSession> {
  const { host, trust = { kind: 'ca' }, way = 'auto' } = options;
  const seeChain = options.serverKey === undefined && (way === 'auto' || way === 'fast-start');
  deadline.step = 'tls';
  const tls = await openTls(tcp, { host, trust, seeChain }, deadline.signal);
  const verdict = judgeCertificate(tls, host, trust, new Date());
  if (!verdict) return tls;
  tls.socket.destroy();
  throw new DerpClientError(trust.kind === 'pin' ? 'pin' : 'certificate', verdict.message, { step: 'certificate' });
}

function chooseWay(wanted: LoginWay | 'auto', isKeyKnown: boolean): LoginWay {
  if (wanted === 'auto') return isKeyKnown ? 'fast-start' : 'upgrade';
  if (wanted === 'fast-start' && !isKeyKnown) {
    const message = 'fast start is not possible: the relay shows no meta certificate in TLS 1.3';
    throw new DerpClientError('http', message, { step: 'http' });
  }
  return wanted;
}

/** Gets to where DERP begins: the stream's next bytes are the relay's frames. */
async function openStream(
  way: LoginWay,
  socket: Socket,
  login: Login,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<ByteStream> {
  const { host, idealNode } = options;
  const where = { host, port: portOf(options), tls: options.tls !== false };
  if (way === 'websocket') return openWebSocket(socket, where, signal);
  const request = encodeUpgradeRequest({ ...where, fastStart: way === 'fast-start', idealNode });
  if (way === 'fast-start') {
    const stream = new SocketStream(socket);
    stream.write(request);
    stream.write(login.introduce());
    return stream;
  }
  socket.write(request);
  const early = await readAnswer(socket, signal);
  return new SocketStream(socket, early);
}

/** Waits for the `101`. Returns the bytes that came after it. */
function readAnswer(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  return waitFor<Buffer>(signal, (resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      try {
        const answer = readUpgradeAnswer(bytes);
        if (answer) resolve(bytes.subarray(answer.length));
      } catch (error) {
        reject(error);
      }
    };
    const onEnd = (cause?: unknown) => {
      const message = 'the connection was closed instead of an answer to the HTTP upgrade';
      reject(new DerpClientError('http', message, { step: 'http', cause }));
    };
    const onClose = () => onEnd();
    socket.on('data', onData).on('error', onEnd).on('end', onClose).on('close', onClose);
    return () => {
      socket.off('data', onData).off('error', onEnd).off('end', onClose).off('close', onClose);
      // Nothing is lost between here and whoever reads next.
      socket.pause();
    };
  });
}

function portOf({ port, tls }: ConnectOptions): number {
  return port ?? (tls === false ? 80 : 443);
}
