/** Pure encoders for DERP frames. Each returns a whole frame, header included, in a Buffer of its own. */
import {
  FRAME_HEADER_LENGTH,
  FrameType,
  KEY_LENGTH,
  MAGIC,
  MAX_PACKET_LENGTH,
  type PeerGoneReason,
  PING_LENGTH,
} from './frame-types.ts';

/**
 * Writes `type ‖ length` at `offset` of `target`; the payload of `length` bytes follows at `offset + 5`.
 * Written byte by byte: on the relay's hot path this is cheaper than Buffer's checked methods.
 */
export function writeFrameHeader(target: Uint8Array, offset: number, type: number, length: number): void {
  target[offset] = type;
  target[offset + 1] = length >>> 24;
  target[offset + 2] = length >>> 16;
  target[offset + 3] = length >>> 8;
  target[offset + 4] = length;
}

/** A frame of any type around a payload given in one or more parts. */
export function encodeFrame(type: number, ...parts: Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const frame = Buffer.allocUnsafe(FRAME_HEADER_LENGTH + length);
  writeFrameHeader(frame, 0, type, length);
  let offset = FRAME_HEADER_LENGTH;
  for (const part of parts) {
    frame.set(part, offset);
    offset += part.length;
  }
  return frame;
}

function requireLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${what} must be ${length} bytes, not ${bytes.length}`);
}

function requirePacket(packet: Uint8Array): void {
  if (packet.length > MAX_PACKET_LENGTH) {
    throw new RangeError(`a packet carries at most ${MAX_PACKET_LENGTH} bytes, not ${packet.length}`);
  }
}

/** ServerKey: the greeting, `magic ‖ relay key`. */
export function encodeServerKey(relayKey: Uint8Array): Buffer {
  requireLength('the relay key', relayKey, KEY_LENGTH);
  return encodeFrame(FrameType.ServerKey, MAGIC, relayKey);
}

/** ClientInfo: `client key ‖ sealed` where `sealed` is `nonce ‖ box` of the JSON (see box.ts). */
export function encodeClientInfo(clientKey: Uint8Array, sealed: Uint8Array): Buffer {
  requireLength('the client key', clientKey, KEY_LENGTH);
  return encodeFrame(FrameType.ClientInfo, clientKey, sealed);
}

/** ServerInfo: `nonce ‖ box` of the JSON. */
export function encodeServerInfo(sealed: Uint8Array): Buffer {
  return encodeFrame(FrameType.ServerInfo, sealed);
}

/** SendPacket: `destination ‖ packet`. @throws RangeError for a packet over 65,536 bytes */
export function encodeSendPacket(destination: Uint8Array, packet: Uint8Array): Buffer {
  requireLength('the destination', destination, KEY_LENGTH);
  requirePacket(packet);
  return encodeFrame(FrameType.SendPacket, destination, packet);
}

/** RecvPacket: `source ‖ packet`. @throws RangeError for a packet over 65,536 bytes */
export function encodeRecvPacket(source: Uint8Array, packet: Uint8Array): Buffer {
  requireLength('the source', source, KEY_LENGTH);
  requirePacket(packet);
  return encodeFrame(FrameType.RecvPacket, source, packet);
}

/** KeepAlive: empty. */
export function encodeKeepAlive(): Buffer {
  return encodeFrame(FrameType.KeepAlive);
}

/** NotePreferred: one byte, 1 when this node is the client's home. */
export function encodeNotePreferred(preferred: boolean): Buffer {
  return encodeFrame(FrameType.NotePreferred, Uint8Array.of(preferred ? 1 : 0));
}

/** PeerGone: `peer ‖ reason`. */
export function encodePeerGone(peer: Uint8Array, reason: PeerGoneReason): Buffer {
  requireLength('the peer', peer, KEY_LENGTH);
  return encodeFrame(FrameType.PeerGone, peer, Uint8Array.of(reason));
}

/** Ping, with 8 bytes for the other side to echo. */
export function encodePing(data: Uint8Array): Buffer {
  requireLength('a ping', data, PING_LENGTH);
  return encodeFrame(FrameType.Ping, data);
}

/** Pong, the ping's first 8 bytes. */
export function encodePong(data: Uint8Array): Buffer {
  requireLength('a pong', data, PING_LENGTH);
  return encodeFrame(FrameType.Pong, data);
}

/** Health: the text of a problem, or the empty string when it is over. */
export function encodeHealth(problem: string): Buffer {
  return encodeFrame(FrameType.Health, Buffer.from(problem, 'utf8'));
}

/** Restarting: when to reconnect and how long to go on trying, both in milliseconds. */
export function encodeRestarting(reconnectInMs: number, tryForMs: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(reconnectInMs, 0);
  payload.writeUInt32BE(tryForMs, 4);
  return encodeFrame(FrameType.Restarting, payload);
}
