import type { ConnectOptions } from '../client/connect.ts';
import type { Trust } from '../client/trust.ts';
import { isPin } from '../protocol/certificate-pin.ts';
import { MAX_PACKET_LENGTH } from '../protocol/frame-types.ts';
import { generateKeyPair, type KeyPair, keyPairOf } from '../protocol/keys.ts';
import type { ProbeOptions } from './check.ts';

/** Least bytes of a test packet: enough to number it. */
export const MIN_PACKET_BYTES = 8;

/** The options with their defaults filled in. */
export interface ProbeSettings {
  host: string;
  addresses: readonly string[] | undefined;
  derpPort: number;
  stunPort: number;
  httpPort: number;
  tls: boolean;
  pin: string | undefined;
  extraCa: string | undefined;
  trust: Trust;
  keyPairs: readonly [KeyPair, KeyPair];
  meshKey: string | undefined;
  packets: number;
  packetBytes: number;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Fills in the defaults.
 * @throws RangeError for a pin that no client could match, or a number of packets or bytes that cannot be sent
 */
export function readSettings(options: ProbeOptions): ProbeSettings {
  const { pin, extraCa, packets = 100, packetBytes = 200, clientKeys } = options;
  if (pin !== undefined && !isPin(pin)) {
    throw new RangeError('a pin is "sha256-raw:" and 64 hex digits in lower case');
  }
  if (!Number.isInteger(packets) || packets < 1) throw new RangeError('at least one packet must be sent');
  if (!Number.isInteger(packetBytes) || packetBytes < MIN_PACKET_BYTES || packetBytes > MAX_PACKET_LENGTH) {
    throw new RangeError(`packets have ${MIN_PACKET_BYTES} to ${MAX_PACKET_LENGTH} bytes`);
  }
  return {
    host: options.host,
    addresses: options.addresses?.length ? options.addresses : undefined,
    derpPort: options.derpPort ?? 443,
    stunPort: options.stunPort ?? 3478,
    httpPort: options.httpPort ?? 80,
    tls: options.tls ?? true,
    pin,
    extraCa,
    trust: pin === undefined ? { kind: 'ca', ...(extraCa === undefined ? {} : { extraCa }) } : { kind: 'pin', pin },
    keyPairs: clientKeys
      ? [keyPairOf(clientKeys[0]), keyPairOf(clientKeys[1])]
      : [generateKeyPair(), generateKeyPair()],
    meshKey: options.meshKey,
    packets,
    packetBytes,
    timeoutMs: options.timeoutMs ?? 5000,
    signal: options.signal ?? new AbortController().signal,
  };
}

/** How to connect one of the probe's clients. */
export function connectOptions(settings: ProbeSettings, addresses: readonly string[]): ConnectOptions {
  return {
    host: settings.host,
    port: settings.derpPort,
    addresses,
    tls: settings.tls,
    trust: settings.trust,
    isProber: true,
    timeoutMs: settings.timeoutMs,
    signal: settings.signal,
    ...(settings.meshKey === undefined ? {} : { meshKey: settings.meshKey }),
  };
}

/** Ends when the probe is given up, or after the time that a step may take. */
export function stepSignal({ signal, timeoutMs }: ProbeSettings): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
}
