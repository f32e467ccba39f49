/**
 * The PROXY protocol, versions 1 and 2 (haproxy, doc/proxy-protocol.txt): what a TCP proxy such as nginx's `stream`
 * module sends ahead of a connection's own bytes, so that the relay learns the client's real address.
 */
import { ProtocolError } from './errors.ts';
import { formatIpAddress, parseIpAddress } from './ip-address.ts';

/** One end of the proxied connection. */
export interface ProxyEndpoint {
  /** IPv4 or IPv6 text; v4-mapped addresses as IPv4. */
  address: string;
  port: number;
}

export type ProxyHeader =
  /** All bytes so far are right, but the header goes on: call again with more. */
  | { status: 'incomplete' }
  | {
      status: 'done';
      /** Bytes of the header; what follows belongs to the connection. */
      length: number;
      /** The client; absent for UNKNOWN, LOCAL (the proxy's own health checks) and unix sockets. */
      source?: ProxyEndpoint;
      /** What the client connected to. */
      destination?: ProxyEndpoint;
    };

const V1_START = Buffer.from('PROXY ');
/** Longest line that version 1 allows, with its CR LF (section 2.1). */
const V1_MAX_LENGTH = 107;

const V2_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
/** Signature, version and command, family, 2-byte length of the rest. */
const V2_HEAD_LENGTH = 16;
/** Longest rest we take; addresses need at most 216 bytes, and TLVs (a client certificate's name) little more. */
const V2_MAX_REST = 4096;

/**
 * Reads the header at the beginning of a connection. Give it all bytes so far (only the first 4,112 are ever looked
 * at) and call again with more while it says `incomplete`; wrong bytes are found at the first byte that is wrong.
 *
 * Version 1: `PROXY TCP4|TCP6 <source> <destination> <source port> <destination port>\r\n`, or `PROXY UNKNOWN …\r\n`.
 * Version 2: 12-byte signature ‖ version 2 and command (LOCAL 0, PROXY 1) ‖ family and transport ‖ 2-byte length of the
 * rest ‖ addresses, ports, TLVs. TLVs are skipped, a checksum among them as well: TLS looks after the bytes' integrity.
 * @throws ProtocolError bad-proxy-header for anything else.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return { status: 'incomplete' };
  if (bytes[0] === V1_START[0]) return readV1(bytes);
  if (bytes[0] === V2_SIGNATURE[0]) return readV2(bytes);
  throw bad('the connection does not begin with a PROXY header');
}

function readV1(bytes: Buffer): ProxyHeader {
  if (!startsAlike(bytes, V1_START)) throw bad('the connection does not begin with a PROXY header');
  const window = bytes.subarray(0, V1_MAX_LENGTH);
  const end = window.indexOf('\r\n');
  if (end < 0) {
    if (window.length === V1_MAX_LENGTH) throw bad(`no end of line within ${V1_MAX_LENGTH} bytes`);
    return { status: 'incomplete' };
  }
  const length = end + 2;
  const [, family, source, destination, sourcePort, destinationPort, ...rest] = window
    .toString('latin1', 0, end)
    .split(' ');
  // Whatever stands after UNKNOWN must be ignored (section 2.1).
  if (family === 'UNKNOWN') return { status: 'done', length };
  if ((family !== 'TCP4' && family !== 'TCP6') || rest.length > 0) throw bad('the header line is malformed');
  return {
    status: 'done',
    length,
    source: readV1Endpoint(family, source, sourcePort),
    destination: readV1Endpoint(family, destination, destinationPort),
  };
}

function readV1Endpoint(family: 'TCP4' | 'TCP6', address = '', port = ''): ProxyEndpoint {
  const ip = address.includes(':') === (family === 'TCP6') ? parseIpAddress(address) : undefined;
  if (!ip || address.includes('%')) throw bad(`not an address for ${family}`);
  if (!/^(0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65_535) throw bad('not a port');
  return { address: formatIpAddress(ip), port: Number(port) };
}

function readV2(bytes: Buffer): ProxyHeader {
  if (!startsAlike(bytes, V2_SIGNATURE)) throw bad('the connection does not begin with a PROXY header');
  if (bytes.length > 12 && bytes[12] !== 0x20 && bytes[12] !== 0x21) throw bad('unknown version or command');
  if (bytes.length < V2_HEAD_LENGTH) return { status: 'incomplete' };
  const rest = bytes.readUInt16BE(14);
  if (rest > V2_MAX_REST) throw bad(`a header of ${rest} bytes is longer than ${V2_MAX_REST}`);
  const length = V2_HEAD_LENGTH + rest;
  const isLocal = bytes[12] === 0x20;
  const addressLength = isLocal ? 0 : v2AddressLength(bytes[13]!);
  const needed = isLocal ? 0 : v2AddressBlock(bytes[13]!);
  if (rest < needed) throw bad('the header is too short for its addresses');
  if (bytes.length < length) return { status: 'incomplete' };
  if (addressLength === 0) return { status: 'done', length };
  // Source address ‖ destination address ‖ source port ‖ destination port.
  const ports = V2_HEAD_LENGTH + 2 * addressLength;
  return {
    status: 'done',
    length,
    source: {
      address: formatIpAddress(bytes.subarray(V2_HEAD_LENGTH, V2_HEAD_LENGTH + addressLength)),
      port: bytes.readUInt16BE(ports),
    },
    destination: {
      address: formatIpAddress(bytes.subarray(V2_HEAD_LENGTH + addressLength, ports)),
      port: bytes.readUInt16BE(ports + 2),
    },
  };
}

/** Bytes of one IP address of this family; 0 where there is none to report: unspecified, unix. */
function v2AddressLength(family: number): number {
  switch (family) {
    case 0x11: // TCP over IPv4
    case 0x12: // UDP over IPv4
      return 4;
    case 0x21: // TCP over IPv6
    case 0x22: // UDP over IPv6
      return 16;
    case 0x00: // unspecified
    case 0x31: // unix stream
    case 0x32: // unix datagram
      return 0;
    default:
      throw bad(`unknown address family 0x${family.toString(16)}`);
  }
}

/** Least bytes that must follow the head for this family (section 2.2). */
function v2AddressBlock(family: number): number {
  if (family === 0x31 || family === 0x32) return 216;
  const addressLength = v2AddressLength(family);
  return addressLength === 0 ? 0 : 2 * addressLength + 4;
}

/** Whether the bytes so far are the expected start, or its beginning. */
function startsAlike(bytes: Buffer, expected: Buffer): boolean {
  const length = Math.min(bytes.length, expected.length);
  return bytes.compare(expected, 0, length, 0, length) === 0;
}

function bad(message: string): ProtocolError {
  return new ProtocolError('bad-proxy-header', message);
}
