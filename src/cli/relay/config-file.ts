/** derp-relay's `--config FILE`: JSON with the fields of RelayConfig, every one of them checked. */
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import type { RelayConfig } from '../../relay/config.ts';
import type { RelayProblem } from '../../setup/derper-flags/go-flags.ts';
import { readHome, readHost, readListen, readNames, readPort } from '../../setup/derper-flags/settings.ts';
import { FileError, readText } from '../../system/files.ts';
import { isRange, readAddressSource } from './address-fields.ts';
import { readAdmission } from './admission-fields.ts';
import { isObject, type ObjectReader, readFile, readFlag, readMilliseconds, textual } from './field-readers.ts';

const LOG_LEVELS: readonly RelayConfig['logLevel'][] = ['debug', 'info', 'warn', 'error', 'silent'];

/** An address to listen on, or null for all. */
const readListenHost: ObjectReader<string | null> = (value) =>
  value === null || (typeof value === 'string' && isIP(value) > 0)
    ? { value }
    : { problem: 'must be an IP address of this machine, or null for all of them' };

const readRanges: ObjectReader<string[]> = (value) =>
  Array.isArray(value) && value.every(isRange)
    ? { value }
    : { problem: 'must be a list of addresses or ranges, such as 127.0.0.1 or 10.0.0.0/8' };

/** How each field is read. Relative paths are relative to the file that names them. */
const READERS: { [K in keyof RelayConfig]-?: ObjectReader<Required<RelayConfig>[K]> } = {
  listen: (value, directory) => {
    if (!isObject(value)) return textual(readListen)(value, directory);
    const { host = null, port, ...rest } = value;
    const read = textual(readPort)(port, directory);
    if ('problem' in read) return { problem: `has a port that ${read.problem}` };
    const fine = Object.keys(rest).length === 0 && (host === null || (typeof host === 'string' && host !== ''));
    return fine ? { value: { host, port: read.value } } : { problem: 'must be {"host", "port"} or ":443"' };
  },
  certificate: (value, directory) => {
    if (value === null) return { value };
    const { certFile, keyFile, ...rest } = isObject(value) ? value : {};
    const files = [readFile(certFile, directory), readFile(keyFile, directory)] as const;
    const [cert, key] = files;
    const fine = 'value' in cert && 'value' in key && Object.keys(rest).length === 0;
    return fine
      ? { value: { certFile: cert.value, keyFile: key.value } }
      : { problem: 'must be {"certFile", "keyFile"} or null' };
  },
  challengeDirectory: (value, directory) => (value === null ? { value } : readFile(value, directory)),
  hostname: textual(readHost),
  httpPort: textual((text) => readPort(text, true)),
  stunPort: textual((text) => readPort(text, true)),
  httpHost: readListenHost,
  stunHost: readListenHost,
  keyFile: readFile,
  derp: readFlag,
  home: (value, directory) => textual(readHome)(isObject(value) ? value.redirect : value, directory),
  bootstrapDnsNames: (value) =>
    Array.isArray(value) && value.every((name) => typeof name === 'string')
      ? readNames(value)
      : { problem: 'must be a list of names' },
  writeTimeoutMs: readMilliseconds,
  tcpKeepAliveMs: readMilliseconds,
  acceptLimit: (value) => {
    if (value === null) return { value };
    const { perSecond, burst, ...rest } = isObject(value) ? value : {};
    const numbers = typeof perSecond === 'number' && typeof burst === 'number' && perSecond > 0 && burst >= 1;
    return numbers && Object.keys(rest).length === 0
      ? { value: { perSecond, burst } }
      : { problem: 'must be {"perSecond", "burst"}, both above 0, or null' };
  },
  connectionLimits: (value) => {
    const { total = null, perAddress = null, waitingPerAddress = null, ...rest } = isObject(value) ? value : {};
    const fine = (limit: unknown): limit is number | null =>
      limit === null || (Number.isSafeInteger(limit) && (limit as number) > 0);
    return isObject(value) &&
      fine(total) &&
      fine(perAddress) &&
      fine(waitingPerAddress) &&
      Object.keys(rest).length === 0
      ? { value: { total, perAddress, waitingPerAddress } }
      : { problem: 'must be {"total", "perAddress", "waitingPerAddress"}, each a number above 0 or null' };
  },
  clientRate: (value) => {
    if (value === null) return { value };
    const { bytesPerSecond, burstBytes = 0, ...rest } = isObject(value) ? value : {};
    const whole = (number: unknown): number is number => Number.isSafeInteger(number) && (number as number) >= 0;
    return whole(bytesPerSecond) && bytesPerSecond > 0 && whole(burstBytes) && Object.keys(rest).length === 0
      ? { value: { bytesPerSecond, burstBytes } }
      : { problem: 'must be {"bytesPerSecond", "burstBytes"}, whole numbers, the first above 0, or null' };
  },
  clientRateFile: (value, directory) => (value === null ? { value } : readFile(value, directory)),
  proxyProtocolFrom: readRanges,
  forwardedFrom: readRanges,
  allowCidr: readAddressSource,
  denyCidr: readAddressSource,
  admission: readAdmission,
  drainMs: readMilliseconds,
  logLevel: (value) => {
    const level = LOG_LEVELS.find((known) => known === value);
    return level ? { value: level } : { problem: `must be one of ${LOG_LEVELS.join(', ')}` };
  },
};

/** Reads the fields of a parsed file. An unknown one is a problem: it may be a limit that nobody would enforce. */
export function readConfigFields(
  json: Record<string, unknown>,
  path: string,
): { config: Partial<RelayConfig>; problems: RelayProblem[] } {
  const config: Record<string, unknown> = {};
  const problems: RelayProblem[] = [];
  for (const [name, value] of Object.entries(json)) {
    const subject = `${path}: ${name}`;
    if (!Object.hasOwn(READERS, name)) {
      problems.push({ subject, message: 'is not a setting of this version' });
      continue;
    }
    const reader: ObjectReader<unknown> = READERS[name as keyof RelayConfig];
    const read = reader(value, dirname(path));
    if ('value' in read) config[name] = read.value;
    else if ('problem' in read) problems.push({ subject, message: read.problem });
    else
      for (const { field, problem } of read.flaws) problems.push({ subject: `${subject}.${field}`, message: problem });
  }
  return { config: config as Partial<RelayConfig>, problems };
}

/** Reads a config file. */
export async function readConfigFile(
  path: string,
): Promise<{ config: Partial<RelayConfig>; problems: RelayProblem[] }> {
  const fail = (message: string) => ({ config: {}, problems: [{ subject: path, message }] });
  let json: unknown;
  try {
    json = JSON.parse(await readText(path));
  } catch (error) {
    if (error instanceof FileError) return fail(`cannot be read: ${error.reason}`);
    return fail('is not JSON');
  }
  return isObject(json) ? readConfigFields(json, path) : fail('does not hold a JSON object');
}
