/** What a client may receive: how long each frame may be, and what those that only clients read mean. No I/O. */
import { badFrameLength } from '../protocol/frame-decoder.ts';
import { FrameType, KEY_LENGTH, MAX_PACKET_LENGTH } from '../protocol/frame-types.ts';
import { formatIpAddress } from '../protocol/ip-address.ts';

/** The longest frame of any type that a relay may send, in bytes, as for Tailscale's clients. */
const MAX_FRAME_LENGTH = 1 << 20;
/** Longest ServerKey, with bytes for the future. */
const MAX_SERVER_KEY_LENGTH = 1 << 10;

/** A client that a mesh peer was told of. */
export interface PresentPeer {
  key: Buffer;
  /** Where it connects from; undefined from old relays. */
  address: string | undefined;
  port: number | undefined;
  /** PeerPresentFlag bits; 0 from old relays. */
  flags: number;
}

/**
 * Whether a client reads a relay's frame of this type and payload length or passes over it: rules that tell DERP from
 * noise before memory is spent on it.
 * @throws ProtocolError bad-frame-length
 */
export function admitFrame(type: number, length: number): 'read' | 'skip' {
  const frame = `frame 0x${type.toString(16).padStart(2, '0')}`;
  if (length > MAX_FRAME_LENGTH) throw badFrameLength(frame, length, `at most ${MAX_FRAME_LENGTH}`);
  const [min, max] = lengthRule(type) ?? [];
  // Unknown types and KeepAlive, which says all by being there.
  if (min === undefined || max === undefined) return 'skip';
  if (length < min || length > max) throw badFrameLength(frame, length, `${min} to ${max}`);
  return 'read';
}

function lengthRule(type: number): [min: number, max: number] | undefined {
  switch (type) {
    case FrameType.ServerKey:
      return [8 + KEY_LENGTH, MAX_SERVER_KEY_LENGTH];
    case FrameType.RecvPacket:
      return [KEY_LENGTH, KEY_LENGTH + MAX_PACKET_LENGTH];
    case FrameType.PeerGone:
    case FrameType.PeerPresent:
      return [KEY_LENGTH, MAX_FRAME_LENGTH];
    case FrameType.Ping:
    case FrameType.Pong:
    case FrameType.Restarting:
      return [8, MAX_FRAME_LENGTH];
    case FrameType.ServerInfo:
    case FrameType.Health:
      return [0, MAX_FRAME_LENGTH];
    default:
      return undefined;
  }
}

/** A PeerPresent payload: 32-byte key ‖ 16-byte address ‖ 2-byte port ‖ 1-byte flags; old relays stop after the key or the port. */
export function readPeerPresent(payload: Buffer): PresentPeer {
  const key = payload.subarray(0, KEY_LENGTH);
  const flagsAt = KEY_LENGTH + 18;
  if (payload.length < flagsAt) return { key, address: undefined, port: undefined, flags: 0 };
  return {
    key,
    address: formatIpAddress(payload.subarray(KEY_LENGTH, KEY_LENGTH + 16)),
    port: payload.readUInt16BE(KEY_LENGTH + 16),
    flags: payload[flagsAt] ?? 0,
  };
}
