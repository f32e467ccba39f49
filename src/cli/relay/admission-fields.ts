/** `admission` in derp-relay's config file. An unknown field in it is a flaw: it may be a check that nobody would make. */
import { type AdmissionRules, defaultTailscaledSocket } from '../../relay/config.ts';
import { type Read, readAdmissionUrl, readSocketPath } from '../../setup/derper-flags/settings.ts';
import { type Flaws, isObject, type ObjectReader, type Reader, readFile, readFlag, textual } from './field-readers.ts';

/** Reads the fields of an object by their readers; fields without one are flaws. */
function readFields(
  value: unknown,
  directory: string,
  prefix: string,
  readers: Record<string, Reader<unknown>>,
): { values: Record<string, unknown>; flaws: Flaws['flaws'] } {
  if (!isObject(value)) return { values: {}, flaws: [{ field: prefix, problem: 'must be an object' }] };
  const values: Record<string, unknown> = {};
  const flaws: Flaws['flaws'] = [];
  for (const [name, content] of Object.entries(value)) {
    const field = prefix === '' ? name : `${prefix}.${name}`;
    const read: Read<unknown> = Object.hasOwn(readers, name)
      ? readers[name]!(content, directory)
      : { problem: 'is not a setting of this version' };
    if ('value' in read) values[name] = read.value;
    else flaws.push({ field, problem: read.problem });
  }
  return { values, flaws };
}

const readSocket: Reader<string> = (value, directory) => {
  const file = readFile(value, directory);
  return 'value' in file ? readSocketPath(file.value) : file;
};

/** At most as many as a proof takes, so that this is no second list of clients. */
const MOST_PROVER_KEYS = 2;

const readProverKeys: Reader<string[]> = (value) => {
  const isKey = (key: unknown) => typeof key === 'string' && /^nodekey:[0-9a-f]{64}$/.test(key);
  const fine = Array.isArray(value) && value.length <= MOST_PROVER_KEYS && value.every(isKey);
  return fine ? { value } : { problem: `must be at most ${MOST_PROVER_KEYS} keys, nodekey:<64 hex digits> each` };
};

/** Reads `{"tailscaled", "url", "keyFile"}`, at least one of them, or null. */
export const readAdmission: ObjectReader<AdmissionRules | null> = (value, directory) => {
  if (value === null) return { value };
  const shape = 'must be {"tailscaled", "url", "keyFile"}, at least one of them, or null to let everybody in';
  if (!isObject(value) || Object.keys(value).length === 0) return { problem: shape };
  const { tailscaled, url, ...rest } = value;
  const rules: AdmissionRules = {};
  const flaws: Flaws['flaws'] = [];
  if (tailscaled !== undefined) {
    const read = readFields(tailscaled, directory, 'tailscaled', { socket: readSocket });
    flaws.push(...read.flaws);
    rules.tailscaled = { socket: defaultTailscaledSocket, ...read.values };
  }
  if (url !== undefined) {
    const read = readFields(url, directory, 'url', { url: textual(readAdmissionUrl), failOpen: readFlag });
    flaws.push(...read.flaws);
    const missing = isObject(url) && url.url === undefined;
    if (missing) flaws.push({ field: 'url.url', problem: 'is missing' });
    rules.url = { url: '', failOpen: false, ...read.values };
  }
  const read = readFields(rest, directory, '', { keyFile: readFile, proverKeys: readProverKeys });
  flaws.push(...read.flaws);
  return flaws.length > 0 ? { flaws } : { value: { ...rules, ...read.values } };
};
