/**
 * STUN binding requests and answers (RFC 8489, and RFC 5389 before it), as far as DERP needs them: a client asks over
 * UDP from which address and port its packets arrive, the server answers with one attribute.
 *
 * A message: 2-byte type ‖ 2-byte length of the attributes ‖ magic cookie 21 12 a4 42 ‖ 12-byte transaction id ‖ Attribute.
 * An attribute: 2-byte type ‖ 2-byte length ‖ value ‖ padding to a multiple of four. All numbers big-endian.
 */
import { crc32 } from 'node:zlib';
import { ProtocolError } from './errors.ts';
import { formatIpAddress, parseIpAddress } from './ip-address.ts';

/** Bytes of the header, which every message has (RFC 8489, 5). */
const HEADER_LENGTH = 20;
const MAGIC_COOKIE = 0x2112a442;
/** Length of a transaction id in bytes. */
export const TRANSACTION_ID_LENGTH = 12;

const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;

const Attribute = {
  MappedAddress: 0x0001,
  ErrorCode: 0x0009,
  XorMappedAddress: 0x0020,
  /** What some servers send instead of 0x0020, from an early draft; Tailscale's clients read it too (net/stun/stun.go). */
  XorMappedAddressDraft: 0x8020,
  Software: 0x8022,
  Fingerprint: 0x8028,
} as const;

/** Types below this must be understood by whoever answers (RFC 8489, 14). */
const COMPREHENSION_OPTIONAL = 0x8000;
/** The fingerprint is the CRC-32 of all before it, xor this (RFC 8489, 14.7). */
const FINGERPRINT_MASK = 0x5354554e;
/** Type, length and the four bytes of the CRC. */
const FINGERPRINT_LENGTH = 8;

/** SOFTWARE of Tailscale's clients, by which derper knows them (net/stun/stun.go). */
const TAILSCALE_SOFTWARE = Buffer.from('tailnode');

/** A binding request that may be answered. */
export interface BindingRequest {
  /** 12 bytes, to be copied into the answer; a view of the datagram. */
  transactionId: Buffer;
  /** Whether it has Tailscale's SOFTWARE and ends in a FINGERPRINT; derper answers no others. */
  fromTailscale: boolean;
}

/** Where a server saw a request come from. */
export interface MappedAddress {
  /** IPv4 or IPv6 text; never v4-mapped. */
  address: string;
  port: number;
}

/**
 * Makes a binding request as Tailscale's clients do: SOFTWARE `tailnode`, then FINGERPRINT; 40 bytes
 * (net/stun/stun.go, Request). The transaction id is 12 random bytes, a new one for each request.
 */
export function encodeBindingRequest(transactionId: Uint8Array): Buffer {
  const softwareEnd = HEADER_LENGTH + 4 + TAILSCALE_SOFTWARE.length;
  const message = Buffer.alloc(softwareEnd + FINGERPRINT_LENGTH);
  writeHeader(message, BINDING_REQUEST, transactionId);
  message.writeUInt16BE(Attribute.Software, HEADER_LENGTH);
  message.writeUInt16BE(TAILSCALE_SOFTWARE.length, HEADER_LENGTH + 2);
  TAILSCALE_SOFTWARE.copy(message, HEADER_LENGTH + 4);
  message.writeUInt16BE(Attribute.Fingerprint, softwareEnd);
  message.writeUInt16BE(4, softwareEnd + 2);
  message.writeUInt32BE(fingerprint(message, softwareEnd), softwareEnd + 4);
  return message;
}

/**
 * Reads a datagram that should be a binding request, from Tailscale or any other RFC 8489 client.
 * Returns undefined for everything that deserves no answer, without the price of an exception, as a public UDP port
 * gets a lot of it: too short, not STUN, not a binding request, attributes that do not add up, a wrong FINGERPRINT, or
 * an attribute that demands to be understood (type below 0x8000, such as CHANGE-REQUEST or USERNAME) and is not. RFC 8489
 * asks for error 420 in that last case; silence keeps the server from ever sending more than one kind of message.
 */
export function readBindingRequest(datagram: Buffer): BindingRequest | undefined {
  // The first two bits of every STUN message are zero; with the cookie this tells it from anything else (RFC 8489, 5).
  if (datagram.length < HEADER_LENGTH || datagram.readUInt16BE(0) !== BINDING_REQUEST) return undefined;
  if (datagram.readUInt32BE(4) !== MAGIC_COOKIE) return undefined;
  if (datagram.readUInt16BE(2) !== datagram.length - HEADER_LENGTH) return undefined;
  let isTailscale = false;
  let hasFingerprint = false;
  let offset = HEADER_LENGTH;
  while (offset < datagram.length) {
    // FINGERPRINT, where there is one, is the last attribute (RFC 8489, 14.7).
    if (hasFingerprint || offset + 4 > datagram.length) return undefined;
    const type = datagram.readUInt16BE(offset);
    const length = datagram.readUInt16BE(offset + 2);
    const value = offset + 4;
    const next = value + padded(length);
    if (next > datagram.length || type < COMPREHENSION_OPTIONAL) return undefined;
    if (type === Attribute.Software) {
      isTailscale = TAILSCALE_SOFTWARE.compare(datagram, value, value + length) === 0;
    } else if (type === Attribute.Fingerprint) {
      if (length !== 4 || datagram.readUInt32BE(value) !== fingerprint(datagram, offset)) return undefined;
      hasFingerprint = true;
    }
    offset = next;
  }
  return {
    transactionId: datagram.subarray(8, HEADER_LENGTH),
    fromTailscale: isTailscale && hasFingerprint,
  };
}

/**
 * Makes the answer to a binding request: one XOR-MAPPED-ADDRESS (RFC 8489, 14.2), 32 bytes for IPv4 and 44 for IPv6.
 * The address is what the socket says of the sender; a v4-mapped IPv6 address is answered as the IPv4 one it is.
 * @throws RangeError if the address is none: that is the caller's mistake, not a peer's.
 */
export function encodeBindingAnswer(transactionId: Uint8Array, address: string, port: number): Buffer {
  const ip = parseIpAddress(address);
  if (!ip) throw new RangeError(`not an IP address: ${address}`);
  const message = Buffer.alloc(HEADER_LENGTH + 8 + ip.length);
  writeHeader(message, BINDING_SUCCESS, transactionId);
  message.writeUInt16BE(Attribute.XorMappedAddress, HEADER_LENGTH);
  message.writeUInt16BE(4 + ip.length, HEADER_LENGTH + 2);
  // One zero byte, then the family: 1 is IPv4, 2 is IPv6.
  message[HEADER_LENGTH + 5] = ip.length === 4 ? 1 : 2;
  message.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), HEADER_LENGTH + 6);
  // The mask is the cookie and the transaction id, which follow each other in the header.
  for (let i = 0; i < ip.length; i++) message[HEADER_LENGTH + 8 + i] = ip[i]! ^ message[4 + i]!;
  return message;
}

/**
 * The transaction id (12 bytes, a view) of a datagram that has a STUN header, or undefined: how a client finds the
 * request that an answer belongs to.
 */
export function stunTransactionId(datagram: Buffer): Buffer | undefined {
  if (datagram.length < HEADER_LENGTH || datagram[0]! >= 0x40) return undefined;
  if (datagram.readUInt32BE(4) !== MAGIC_COOKIE) return undefined;
  return datagram.subarray(8, HEADER_LENGTH);
}

/**
 * Reads the answer to the request with this transaction id: XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS from a server that
 * sends only that. Bytes after the length in the header are ignored, as Tailscale's clients do.
 * @throws ProtocolError bad-stun for anything else: no STUN, another transaction's answer, an error answer (its code
 * is in the message), attributes that do not add up or name no address.
 */
export function parseBindingAnswer(datagram: Buffer, transactionId: Uint8Array): MappedAddress {
  const id = stunTransactionId(datagram);
  if (!id) throw new ProtocolError('bad-stun', 'not a STUN message');
  if (!id.equals(transactionId)) throw new ProtocolError('bad-stun', 'the answer belongs to another request');
  const type = datagram.readUInt16BE(0);
  if (type !== BINDING_SUCCESS && type !== BINDING_ERROR) {
    throw new ProtocolError('bad-stun', `message type 0x${type.toString(16)} is not the answer to a binding request`);
  }
  const end = HEADER_LENGTH + datagram.readUInt16BE(2);
  if (end > datagram.length) throw new ProtocolError('bad-stun', 'the message is cut short');
  let xorMapped: MappedAddress | undefined;
  let mapped: MappedAddress | undefined;
  for (let offset = HEADER_LENGTH; offset < end; ) {
    if (offset + 4 > end) throw new ProtocolError('bad-stun', 'an attribute is cut short');
    const attribute = datagram.readUInt16BE(offset);
    const length = datagram.readUInt16BE(offset + 2);
    const value = datagram.subarray(offset + 4, offset + 4 + length);
    offset += 4 + padded(length);
    if (offset > end) throw new ProtocolError('bad-stun', 'an attribute is cut short');
    switch (attribute) {
      case Attribute.XorMappedAddress:
      case Attribute.XorMappedAddressDraft:
        xorMapped ??= readAddress(value, datagram.subarray(4, HEADER_LENGTH));
        break;
      case Attribute.MappedAddress:
        mapped ??= readAddress(value, undefined);
        break;
      case Attribute.ErrorCode:
        if (type === BINDING_ERROR) throw new ProtocolError('bad-stun', `the server refused: ${readError(value)}`);
        break;
    }
  }
  const answer = type === BINDING_SUCCESS ? (xorMapped ?? mapped) : undefined;
  if (!answer) throw new ProtocolError('bad-stun', 'the answer names no address');
  return answer;
}

/** (XOR-)MAPPED-ADDRESS: zero ‖ family ‖ 2-byte port ‖ address; with a mask, port and address are xored with it. */
function readAddress(value: Buffer, mask: Buffer | undefined): MappedAddress {
  const length = value[1] === 1 ? 4 : value[1] === 2 ? 16 : 0;
  if (length === 0 || value.length < 4 + length) throw new ProtocolError('bad-stun', 'a mapped address is malformed');
  const ip = Buffer.from(value.subarray(4, 4 + length));
  let port = value.readUInt16BE(2);
  if (mask) {
    port ^= MAGIC_COOKIE >>> 16;
    for (let i = 0; i < ip.length; i++) ip[i]! ^= mask[i]!;
  }
  return { address: formatIpAddress(ip), port };
}

/** ERROR-CODE: two zero bytes ‖ hundreds ‖ rest ‖ UTF-8 reason (RFC 8489, 14.8). */
function readError(value: Buffer): string {
  if (value.length < 4) return 'without a code';
  const code = (value[2]! & 7) * 100 + value[3]!;
  // The reason is a stranger's text: short, and nothing in it that could play with a terminal.
  const reason = value
    .subarray(4, 84)
    .toString('utf8')
    .replace(/[^\x20-\x7e]/g, '?');
  return `${code} ${reason}`.trim();
}

function writeHeader(message: Buffer, type: number, transactionId: Uint8Array): void {
  if (transactionId.length !== TRANSACTION_ID_LENGTH) {
    throw new RangeError(`a transaction id has ${TRANSACTION_ID_LENGTH} bytes, not ${transactionId.length}`);
  }
  message.writeUInt16BE(type, 0);
  message.writeUInt16BE(message.length - HEADER_LENGTH, 2);
  message.writeUInt32BE(MAGIC_COOKIE, 4);
  message.set(transactionId, 8);
}

function fingerprint(message: Buffer, end: number): number {
  return (crc32(message.subarray(0, end)) ^ FINGERPRINT_MASK) >>> 0;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
