/** The JSON inside ClientInfo and ServerInfo. Source: tailscale `derp/derp_client.go`, `derp/derp.go`. */
import { ProtocolError } from './errors.ts';
import { FRAME_HEADER_LENGTH, KEY_LENGTH, MAGIC, PROTOCOL_VERSION } from './frame-types.ts';

/** What a client says of itself when it logs in. */
export interface ClientInfo {
  /** The protocol version the client speaks; 0 when it did not say. */
  version: number;
  /** The mesh key in hex, from other nodes of the region only. */
  meshKey?: string;
  /** The client answers pings. */
  canAckPings: boolean;
  /** A monitoring program, not a node. */
  isProber: boolean;
  /** The name of the program. */
  appName?: string;
}

/** What the relay tells a client after it logged in. */
export interface ServerInfo {
  version: number;
  /** Send no more than this on average, in bytes a second; absent: no limit. */
  tokenBucketBytesPerSecond?: number;
  /** … and no more than this at once. */
  tokenBucketBytesBurst?: number;
}

/** The client's JSON, with the field names the relay expects. */
export function encodeClientInfoJson(info: Partial<ClientInfo>): Buffer {
  return Buffer.from(
    JSON.stringify({
      ...(info.meshKey === undefined ? {} : { meshKey: info.meshKey }),
      version: info.version ?? PROTOCOL_VERSION,
      CanAckPings: info.canAckPings ?? false,
      IsProber: info.isProber ?? false,
      ...(info.appName === undefined ? {} : { AppName: info.appName }),
    }),
  );
}

/** The relay's JSON. */
export function encodeServerInfoJson(info: ServerInfo): Buffer {
  return Buffer.from(
    JSON.stringify({
      version: info.version,
      ...(info.tokenBucketBytesPerSecond ? { TokenBucketBytesPerSecond: info.tokenBucketBytesPerSecond } : {}),
      ...(info.tokenBucketBytesBurst ? { TokenBucketBytesBurst: info.tokenBucketBytesBurst } : {}),
    }),
  );
}

function parseObject(what: string, bytes: Buffer): Map<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new ProtocolError('bad-json', `${what} is not JSON`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError('bad-json', `${what} is not a JSON object`);
  }
  // Go matches field names without regard to case, so clients may write them either way.
  return new Map(Object.entries(value).map(([name, field]) => [name.toLowerCase(), field]));
}

function field<T>(what: string, fields: Map<string, unknown>, name: string, type: 'string' | 'boolean' | 'number') {
  const value = fields.get(name.toLowerCase());
  if (value === undefined || value === null) return undefined;
  if (typeof value !== type) throw new ProtocolError('bad-json', `${what}: "${name}" is not a ${type}`);
  return value as T;
}

/** Parses the client's JSON; fields it does not know are ignored. @throws ProtocolError bad-json */
export function parseClientInfoJson(bytes: Buffer): ClientInfo {
  const what = 'ClientInfo';
  const fields = parseObject(what, bytes);
  const meshKey = field<string>(what, fields, 'meshKey', 'string');
  const appName = field<string>(what, fields, 'AppName', 'string');
  return {
    version: field<number>(what, fields, 'version', 'number') ?? 0,
    canAckPings: field<boolean>(what, fields, 'CanAckPings', 'boolean') ?? false,
    isProber: field<boolean>(what, fields, 'IsProber', 'boolean') ?? false,
    ...(meshKey ? { meshKey } : {}),
    ...(appName ? { appName } : {}),
  };
}

/** Parses the relay's JSON. @throws ProtocolError bad-json */
export function parseServerInfoJson(bytes: Buffer): ServerInfo {
  const what = 'ServerInfo';
  const fields = parseObject(what, bytes);
  const rate = field<number>(what, fields, 'TokenBucketBytesPerSecond', 'number');
  const burst = field<number>(what, fields, 'TokenBucketBytesBurst', 'number');
  return {
    version: field<number>(what, fields, 'version', 'number') ?? 0,
    ...(rate ? { tokenBucketBytesPerSecond: rate } : {}),
    ...(burst ? { tokenBucketBytesBurst: burst } : {}),
  };
}

/**
 * The relay's key in a ServerKey payload `bytes[start … end)`: `magic ‖ 32-byte key ‖ future bytes`.
 * @throws ProtocolError bad-magic, bad-frame-length
 */
export function readServerKey(bytes: Buffer, start = 0, end = bytes.length): Buffer {
  if (end - start < MAGIC.length + KEY_LENGTH) {
    throw new ProtocolError(
      'bad-frame-length',
      `ServerKey frame of ${end - start + FRAME_HEADER_LENGTH} bytes is short`,
    );
  }
  if (bytes.compare(MAGIC, 0, MAGIC.length, start, start + MAGIC.length) !== 0) {
    throw new ProtocolError('bad-magic', 'ServerKey does not start with DERP’s magic');
  }
  return Buffer.from(bytes.subarray(start + MAGIC.length, start + MAGIC.length + KEY_LENGTH));
}
