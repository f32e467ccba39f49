/** Lists of addresses in derp-relay's config file. */
import { isIP } from 'node:net';
import { AddressRangeError, parseAddressRange } from '../../protocol/address-set.ts';
import type { AddressSource } from '../../relay/config.ts';
import { type Flaws, isObject, type ObjectReader, readFile } from './field-readers.ts';

export function isRange(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const [address = '', bits, ...rest] = value.split('/');
  const longest = isIP(address) === 4 ? 32 : 128;
  return (
    isIP(address) > 0 && rest.length === 0 && (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= longest))
  );
}

function rangeProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a text';
  try {
    parseAddressRange(value);
    return undefined;
  } catch (error) {
    if (error instanceof AddressRangeError) return error.message;
    throw error;
  }
}

/** Reads `{"ranges": […], "files": […]}`, either of them alone, `[…]` for ranges only, or null. */
export const readAddressSource: ObjectReader<AddressSource | null> = (value, directory) => {
  if (value === null) return { value };
  const source: Record<string, unknown> | undefined = Array.isArray(value)
    ? { ranges: value }
    : isObject(value)
      ? value
      : undefined;
  const { ranges = [], files = [], ...rest } = source ?? {};
  const fine = Array.isArray(ranges) && Array.isArray(files) && Object.keys(rest).length === 0;
  if (source === undefined || !fine || ranges.length + files.length === 0) {
    return { problem: 'must be {"ranges", "files"}, at least one of them with something in it, or null' };
  }
  const flaws: Flaws['flaws'] = [];
  for (const [i, range] of ranges.entries()) {
    const problem = rangeProblem(range);
    if (problem !== undefined) flaws.push({ field: `ranges[${i}]`, problem });
  }
  const paths: string[] = [];
  for (const [i, file] of files.entries()) {
    const path = readFile(file, directory);
    if ('value' in path) paths.push(path.value);
    else flaws.push({ field: `files[${i}]`, problem: path.problem });
  }
  return flaws.length > 0 ? { flaws } : { value: { ranges: ranges as string[], files: paths } };
};
