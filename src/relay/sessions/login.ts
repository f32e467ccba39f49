import { open, type SharedKey, seal, sharedKey } from '../../protocol/box.ts';
import { encodeServerInfo } from '../../protocol/frame-encoder.ts';
import { KEY_LENGTH } from '../../protocol/frame-types.ts';
import type { KeyPair } from '../../protocol/keys.ts';
import { type ClientInfo, parseClientInfoJson } from '../../protocol/login.ts';

/** A client that has proved that it holds its key. */
export interface ProvenClient {
  readonly key: Buffer;
  readonly info: ClientInfo;
  readonly shared: SharedKey;
}

/**
 * Reads a ClientInfo payload, `32-byte client key ‖ nonce ‖ box(JSON)`, `bytes[start … end)`; its length has been checked.
 * Opening the box is the proof of the key.
 * @throws ProtocolError bad-key, bad-box, bad-json
 */
export function readClientInfo(relayKey: KeyPair, bytes: Buffer, start: number, end: number): ProvenClient {
  const key = Buffer.from(bytes.subarray(start, start + KEY_LENGTH));
  const shared = sharedKey(relayKey, key);
  const info = parseClientInfoJson(open(shared, bytes.subarray(start + KEY_LENGTH, end)));
  return { key, info, shared };
}

/** The ServerInfo frame for a client, from its JSON. */
export function makeServerInfo(shared: SharedKey, json: Buffer): Buffer {
  return encodeServerInfo(seal(shared, json));
}
