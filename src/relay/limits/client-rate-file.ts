/** Derper's file for the rate of a client, `-rate-config`. */
import { FileError, readText } from '../../system/files.ts';
import { RelayStartError } from '../start-error.ts';
import type { ClientRate } from './client-rate.ts';

const RATE = 'PerClientRateLimitBytesPerSec';
const BURST = 'PerClientRateBurstBytes';

/** What is wrong with a text that should hold a rate. */
export class ClientRateError extends Error {
  override readonly name = 'ClientRateError';
}

function readNumber(fields: ReadonlyMap<string, unknown>, name: string): number {
  const value = fields.get(name.toLowerCase()) ?? 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ClientRateError(`${name} is not a whole number of bytes, 0 or more`);
}

/**
 * Parses derper's JSON, `{"PerClientRateLimitBytesPerSec": 1250000, "PerClientRateBurstBytes": 2500000}`; a rate that is
 * 0 or missing is no limit, which is null. Fields of any other name are refused: they might be limits too.
 * Source: `derp/derpserver`, RateConfig.
 * @throws ClientRateError
 */
export function parseClientRate(text: string): ClientRate | null {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new ClientRateError('is not JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ClientRateError('does not hold a JSON object');
  }
  // Go matches field names without regard to case.
  const fields = new Map(Object.entries(json).map(([name, value]) => [name.toLowerCase(), value]));
  const known = [RATE, BURST].map((name) => name.toLowerCase());
  const unknown = Object.keys(json).find((name) => !known.includes(name.toLowerCase()));
  if (unknown !== undefined) throw new ClientRateError(`${JSON.stringify(unknown.slice(0, 64))} is not known here`);
  const bytesPerSecond = readNumber(fields, RATE);
  const burstBytes = readNumber(fields, BURST);
  return bytesPerSecond === 0 ? null : { bytesPerSecond, burstBytes };
}

/** Reads such a file. @throws RelayStartError bad-rate-file, naming the file and what is wrong with it */
export async function loadClientRate(path: string): Promise<ClientRate | null> {
  try {
    return parseClientRate(await readText(path));
  } catch (error) {
    if (error instanceof FileError) throw new RelayStartError('bad-rate-file', error.message, { cause: error });
    if (!(error instanceof ClientRateError)) throw error;
    throw new RelayStartError('bad-rate-file', `${path}: ${error.message}`, { cause: error });
  }
}
