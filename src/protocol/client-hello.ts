/**
 * Reads what a TLS client asks for (the server's name, the protocols inside TLS) from its first bytes, before any TLS
 * server has them: which certificate answers an ACME challenge depends on both (RFC 8737), and TLS libraries choose the
 * certificate before they look at the protocols.
 *
 * Records: type ‖ 2-byte version ‖ 2-byte length ‖ body (RFC 8446, 5.1). ClientHello (4.1.2) in one or more of them:
 * 1-byte message type ‖ 3-byte length ‖ 2-byte version ‖ 32-byte random ‖ session id (1-byte length) ‖ suites (2-byte
 * length) ‖ compression methods (1-byte length) ‖ extensions (2-byte length; each 2-byte type ‖ 2-byte length ‖ value).
 */

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER_LENGTH = 5;
const MESSAGE_HEADER_LENGTH = 4;
const RANDOM_LENGTH = 32;
/** Longest hello that is read, with its headers; with post-quantum key shares and all else they have about 2 KB. */
const MAX_LENGTH = 1 << 14;

const Extension = { ServerName: 0, Protocols: 16 } as const;
const HOST_NAME = 0;

export type ClientHello =
  /** All bytes so far are right, but the hello goes on: call again with more. */
  | { status: 'incomplete' }
  /** No TLS, or nothing that a TLS server would take. */
  | { status: 'none' }
  | {
      status: 'done';
      /** The host name that the client expects (SNI, RFC 6066), as it spells it; absent when it names none. */
      serverName?: string;
      /** The protocols it offers to speak inside TLS (ALPN, RFC 7301), in its order; empty when it offers none. */
      protocols: string[];
    };

/** Reads fields one after the other; past the end every field is undefined, and the reader is spoilt for good. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get empty(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(length: 1 | 2): number | undefined {
    return this.take(length)?.readUIntBE(0, length);
  }

  take(length: number): Buffer | undefined {
    const end = this.#at + length;
    const part = end <= this.#bytes.length ? this.#bytes.subarray(this.#at, end) : undefined;
    this.#at = end;
    return part;
  }

  /** A field behind its own length. */
  vector(lengthLength: 1 | 2): Buffer | undefined {
    const length = this.number(lengthLength);
    return length === undefined ? undefined : this.take(length);
  }
}

/**
 * Reads the ClientHello at the start of a connection. Give it all bytes so far (only the first 16 KB are ever looked
 * at) and call again with more while it says `incomplete`. Never throws: what becomes of a strange hello, TLS decides.
 */
export function readClientHello(bytes: Buffer): ClientHello {
  const { message, broken } = joinRecords(bytes.subarray(0, MAX_LENGTH));
  if (message.length > 0 && message[0] !== CLIENT_HELLO) return { status: 'none' };
  const length = message.length < MESSAGE_HEADER_LENGTH ? MAX_LENGTH : MESSAGE_HEADER_LENGTH + message.readUIntBE(1, 3);
  if (message.length >= length) return readBody(message.subarray(MESSAGE_HEADER_LENGTH, length));
  return { status: broken || bytes.length >= MAX_LENGTH ? 'none' : 'incomplete' };
}

/** The handshake bytes so far, out of their records, and whether something else comes behind them. */
function joinRecords(bytes: Buffer): { message: Buffer; broken: boolean } {
  const parts: Buffer[] = [];
  let broken = false;
  for (let at = 0; at < bytes.length; ) {
    broken = bytes[at] !== HANDSHAKE_RECORD || (at + 1 < bytes.length && bytes[at + 1] !== 3);
    if (broken || at + RECORD_HEADER_LENGTH > bytes.length) break;
    const length = bytes.readUInt16BE(at + 3);
    broken = length === 0;
    if (broken) break;
    at += RECORD_HEADER_LENGTH;
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { message: parts.length === 1 ? parts[0]! : Buffer.concat(parts), broken };
}

function readBody(body: Buffer): ClientHello {
  const fields = new Fields(body);
  const version = fields.number(2);
  fields.take(RANDOM_LENGTH);
  fields.vector(1);
  fields.vector(2);
  const compression = fields.vector(1);
  if (version === undefined || compression === undefined) return { status: 'none' };
  const block = fields.empty ? Buffer.alloc(0) : fields.vector(2);
  if (block === undefined || !fields.empty) return { status: 'none' };
  let serverName: string | undefined;
  let protocols: string[] = [];
  for (const extensions = new Fields(block); !extensions.empty; ) {
    const type = extensions.number(2);
    const value = extensions.vector(2);
    if (value === undefined) return { status: 'none' };
    if (type === Extension.ServerName) serverName = readServerName(value);
    if (type === Extension.Protocols) protocols = readProtocols(value);
  }
  return { status: 'done', protocols, ...(serverName !== undefined && { serverName }) };
}

/** List (2-byte length) of: 1-byte type ‖ name (2-byte length). The first host name counts; there is only that type. */
function readServerName(value: Buffer): string | undefined {
  const list = new Fields(value).vector(2);
  const entry = new Fields(list ?? value.subarray(0, 0));
  return entry.number(1) === HOST_NAME ? entry.vector(2)?.toString('latin1') : undefined;
}

/** List (2-byte length) of names (1-byte length each). */
function readProtocols(value: Buffer): string[] {
  const protocols: string[] = [];
  for (const list = new Fields(new Fields(value).vector(2) ?? value.subarray(0, 0)); !list.empty; ) {
    const name = list.vector(1);
    if (name === undefined) return [];
    protocols.push(name.toString('latin1'));
  }
  return protocols;
}
