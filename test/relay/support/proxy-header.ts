import { isIPv6, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { parseIpAddress } from '../../../src/protocol/ip-address.ts';

/** A version 1 header for a connection from `address`. */
export function proxyV1(address: string, port: number): Buffer {
  const [family, to] = isIPv6(address) ? ['TCP6', '::1'] : ['TCP4', '127.0.0.1'];
  return Buffer.from(`PROXY ${family} ${address} ${to} ${port} 443\r\n`);
}

/** A version 2 header for a connection from `address`, with some type-length-values behind the addresses. */
export function proxyV2(address: string, port: number, tlvs: Buffer = Buffer.alloc(0)): Buffer {
  const source = parseIpAddress(address)!;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port, 0);
  ports.writeUInt16BE(443, 2);
  return v2(
    0x21,
    source.length === 4 ? 0x11 : 0x21,
    Buffer.concat([source, Buffer.alloc(source.length, 1), ports, tlvs]),
  );
}

/** A version 2 header of the balancer's own, such as a health check. */
export function proxyV2Local(): Buffer {
  return v2(0x20, 0, Buffer.alloc(0));
}

function v2(command: number, family: number, rest: Buffer): Buffer {
  const head = Buffer.from('0d0a0d0a000d0a515549540a00000000', 'hex');
  head[12] = command;
  head[13] = family;
  head.writeUInt16BE(rest.length, 14);
  return Buffer.concat([head, rest]);
}

/** A stream over a connection that sends `preamble` and the first bytes written to it in one piece. */
export class Glued extends Duplex {
  readonly #socket: Socket;
  #preamble: Buffer | undefined;

  constructor(socket: Socket, preamble: Buffer) {
    super();
    this.#socket = socket;
    this.#preamble = preamble;
    socket.on('data', (chunk) => this.push(chunk));
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const bytes = this.#preamble ? Buffer.concat([this.#preamble, chunk]) : chunk;
    this.#preamble = undefined;
    this.#socket.write(bytes, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
