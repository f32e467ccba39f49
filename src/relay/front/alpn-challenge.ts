/**
 * The tls-alpn-01 challenge (RFC 8737): a certificate authority connects to the DERP port, offers the one protocol
 * `acme-tls/1`, and wants to see a certificate made for this occasion. derp-setup puts it into a folder, as one PEM file
 * with its key, named after what the authority asks for: the host, or an address in its `.arpa` form (RFC 8738).
 */
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { readClientHello } from '../../protocol/client-hello.ts';
import { DirectoryGlance } from '../../system/directory-glance.ts';
import { readSmallFile } from '../../system/small-file.ts';
import type { Counters } from '../counters.ts';
import { defaults } from '../defaults.ts';
import type { Noise } from '../noise.ts';
import type { ChallengeTrouble } from './challenge-trouble.ts';
import { tlsOptions } from './tls-options.ts';

const PROTOCOL = 'acme-tls/1';
const SUFFIX = '.pem';

/** A host name or the `.arpa` form of an address, in lower case; nothing that could be a path. */
const NAME = /^(?=.{1,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/;

/** What happens to a connection that is no challenge. */
type Next = (socket: Socket) => void;

/** Answers tls-alpn-01 challenges, and keeps out of the way of everybody else. */
export class AlpnChallenges {
  readonly #directory: string;
  readonly #folder: DirectoryGlance;
  readonly #counters: Counters;
  readonly #noise: Noise;
  readonly #trouble: ChallengeTrouble;

  /** @param directory where the files `<name>.pem` are */
  constructor(directory: string, counters: Counters, noise: Noise, trouble: ChallengeTrouble) {
    this.#directory = directory;
    this.#folder = new DirectoryGlance(directory, SUFFIX);
    this.#counters = counters;
    this.#noise = noise;
    this.#trouble = trouble;
  }

  /** Whether there is a challenge at this moment. While there is none, no connection needs to be looked into. */
  get pending(): boolean {
    return this.#folder.occupied;
  }

  /** Looks at the first bytes of a connection: answers a challenge, gives everything else to `next` as it came. */
  accept(socket: Socket, next: Next): void {
    let received: Buffer = Buffer.alloc(0);
    const deadline = setTimeout(() => {
      this.#noise.count('handshake_timeout');
      socket.destroy();
    }, defaults.loginStepTimeout);
    const onClose = () => clearTimeout(deadline);
    const onData = (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const hello = readClientHello(received);
      if (hello.status === 'incomplete') return;
      clearTimeout(deadline);
      socket.off('data', onData).off('close', onClose).pause();
      socket.unshift(received);
      const challenged = hello.status === 'done' && hello.protocols.length === 1 && hello.protocols[0] === PROTOCOL;
      if (challenged) void this.#answer(socket, hello.serverName?.toLowerCase() ?? '', next);
      else next(socket);
    };
    socket.on('close', onClose).on('data', onData);
    // One whose PROXY header has been read was paused.
    socket.resume();
  }

  async #answer(socket: Socket, name: string, next: Next): Promise<void> {
    const context = await this.#contextFor(name);
    if (socket.destroyed) return;
    // Where there is none, TLS says that nobody here speaks this protocol.
    if (context !== undefined) this.#shake(socket, context);
    else {
      this.#counters.challenges.unknown++;
      next(socket);
    }
  }

  /** The challenge's certificate as TLS wants it; undefined when there is none for this name. */
  async #contextFor(name: string): Promise<SecureContext | undefined> {
    if (!NAME.test(name)) return undefined;
    const path = join(this.#directory, `${name}${SUFFIX}`);
    try {
      const pem = await readSmallFile(path, defaults.challengeCertificateBytes);
      if (pem === undefined) return undefined;
      const { minVersion, ciphers } = tlsOptions;
      return createSecureContext({ cert: pem, key: pem, minVersion, ciphers });
    } catch (error) {
      this.#trouble.tell(path, error as Error);
      return undefined;
    }
  }

  /** The handshake is the whole answer: the connection ends with it (RFC 8737, 3). */
  #shake(socket: Socket, secureContext: SecureContext): void {
    const tls = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: [PROTOCOL] });
    const deadline = setTimeout(() => {
      this.#noise.count('handshake_timeout');
      socket.destroy();
    }, defaults.loginStepTimeout);
    tls.on('close', () => clearTimeout(deadline));
    tls.on('error', () => {
      this.#noise.count('tls_handshake_failed');
      socket.destroy();
    });
    tls.on('secure', () => {
      this.#counters.challenges.tls_alpn_01++;
      tls.end();
      // Whoever says more than the handshake is not listened to.
      tls.resume();
    });
  }
}
