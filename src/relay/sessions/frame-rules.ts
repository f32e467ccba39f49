import { NONCE_LENGTH } from '../../protocol/box.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { badFrameLength } from '../../protocol/frame-decoder.ts';
import {
  FrameType,
  KEY_LENGTH,
  MAX_CLIENT_INFO_LENGTH,
  MAX_PACKET_LENGTH,
  MAX_PING_LENGTH,
  PING_LENGTH,
} from '../../protocol/frame-types.ts';

function requireRange(name: string, length: number, least: number, most: number): void {
  if (length < least || length > most) {
    throw badFrameLength(name, length, least === most ? `${least} bytes` : `${least} to ${most} bytes`);
  }
}

/** Checks the header of the one frame a client may send before it has logged in. @throws ProtocolError */
export function checkLoginFrame(type: number, length: number): void {
  if (type !== FrameType.ClientInfo) throw new ProtocolError('unexpected-frame', `frame type ${type} before the login`);
  requireRange('ClientInfo', length, KEY_LENGTH + NONCE_LENGTH, MAX_CLIENT_INFO_LENGTH);
}

/**
 * Checks the header of a frame from a client that has logged in: whether to read it, pass over it, or pass over it and
 * count it as unknown. @throws ProtocolError for a length its type does not allow, and for mesh frames
 */
export function checkFrame(type: number, length: number): 'read' | 'skip' | 'unknown' {
  switch (type) {
    case FrameType.SendPacket:
      requireRange('SendPacket', length, KEY_LENGTH, KEY_LENGTH + MAX_PACKET_LENGTH);
      return 'read';
    case FrameType.NotePreferred:
      requireRange('NotePreferred', length, 1, 1);
      return 'read';
    case FrameType.Ping:
      requireRange('Ping', length, PING_LENGTH, MAX_PING_LENGTH);
      return 'read';
    case FrameType.ForwardPacket:
    case FrameType.WatchConns:
    case FrameType.ClosePeer:
      // Only for nodes of the region, which prove it with the mesh key when they log in.
      throw new ProtocolError('unexpected-frame', `mesh frame type ${type} from a client without the mesh key`);
    case FrameType.Pong:
      // That anything arrived is all that a pong says.
      return 'skip';
    default:
      // For future extensions: a frame that is not known is passed over by its length.
      return 'unknown';
  }
}
