/**
 * The DERP frame types and sizes. Every frame is `1-byte type ‖ 4-byte big-endian length ‖ payload`.
 * Source: tailscale `derp/derp.go`.
 */

/** Bytes before each payload: type and length. */
export const FRAME_HEADER_LENGTH = 5;
/** A raw Curve25519 key. */
export const KEY_LENGTH = 32;
/** The longest packet that SendPacket, RecvPacket and ForwardPacket carry, in bytes. */
export const MAX_PACKET_LENGTH = 64 << 10;
/** The longest ClientInfo payload the relay reads, in bytes. */
export const MAX_CLIENT_INFO_LENGTH = 256 << 10;
/** A ping carries 8 bytes that the pong echoes, and up to this many in all for future use. */
export const MAX_PING_LENGTH = 1000;
/** The bytes of a ping that are echoed. */
export const PING_LENGTH = 8;
/** The version of the protocol spoken here, in `Derp-Version`, ServerInfo and the meta certificate's serial number. */
export const PROTOCOL_VERSION = 2;
/** `DERP🔑`, the start of ServerKey. */
export const MAGIC = Buffer.from('44455250f09f9491', 'hex');

/** Frame types by name. The comments give direction and payload. */
export const FrameType = {
  /** s→c: 8-byte magic ‖ 32-byte relay key ‖ future bytes */
  ServerKey: 0x01,
  /** c→s: 32-byte client key ‖ 24-byte nonce ‖ box(JSON) */
  ClientInfo: 0x02,
  /** s→c: 24-byte nonce ‖ box(JSON) */
  ServerInfo: 0x03,
  /** c→s: 32-byte destination ‖ packet */
  SendPacket: 0x04,
  /** s→c: 32-byte source ‖ packet */
  RecvPacket: 0x05,
  /** s→c: empty */
  KeepAlive: 0x06,
  /** c→s: 1 byte, 1 = this is my home node */
  NotePreferred: 0x07,
  /** s→c: 32-byte peer ‖ 1-byte reason */
  PeerGone: 0x08,
  /** s→mesh: 32-byte peer ‖ 16-byte IP (v4-mapped) ‖ 2-byte port ‖ 1-byte flags */
  PeerPresent: 0x09,
  /** mesh→s: 32-byte source ‖ 32-byte destination ‖ packet */
  ForwardPacket: 0x0a,
  /** mesh→s: empty; subscribes to PeerPresent and PeerGone */
  WatchConns: 0x10,
  /** mesh→s: 32-byte peer to disconnect */
  ClosePeer: 0x11,
  /** both ways: 8 bytes (more are ignored) */
  Ping: 0x12,
  /** both ways: the ping's 8 bytes */
  Pong: 0x13,
  /** s→c: text of a problem; empty clears it */
  Health: 0x14,
  /** s→c: uint32 ms until reconnecting ‖ uint32 ms to go on trying */
  Restarting: 0x15,
} as const;

export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Why a peer is gone (PeerGone's last byte). */
export const PeerGoneReason = {
  /** It was connected to this region and left. */
  Disconnected: 0x00,
  /** It is not connected to this region. */
  NotHere: 0x01,
} as const;

export type PeerGoneReason = (typeof PeerGoneReason)[keyof typeof PeerGoneReason];

/** PeerPresent's flag bits. */
export const PeerPresentFlag = { Regular: 1, MeshPeer: 2, Prober: 4, NotIdeal: 8 } as const;
