import { networkInterfaces } from 'node:os';
import {
  AddressListError,
  type AddressRange,
  AddressSet,
  parseAddressList,
  parseAddressRange,
} from '../../protocol/address-set.ts';
import { FileError } from '../../system/files.ts';
import { readSizedFile } from '../../system/small-file.ts';
import type { AddressSource, RelayConfig } from '../config.ts';
import { defaults } from '../defaults.ts';
import { RelayStartError } from '../start-error.ts';

/**
 * Reads a file of addresses and ranges.
 * @throws FileError, also when it is too large to be a list; AddressListError
 */
export async function readAddressFile(path: string): Promise<AddressRange[]> {
  return parseAddressList((await readSizedFile(path, defaults.addressListBytes)).toString('utf8'));
}

async function readList(path: string): Promise<AddressRange[]> {
  try {
    return await readAddressFile(path);
  } catch (cause) {
    if (cause instanceof FileError) throw new RelayStartError('bad-address-list', cause.message, { cause });
    if (!(cause instanceof AddressListError)) throw cause;
    throw new RelayStartError('bad-address-list', `${path}, line ${cause.line}: ${cause.message}`, { cause });
  }
}

/** All ranges of a source. @throws RelayStartError bad-address-list */
export async function readRanges({ ranges, files }: AddressSource): Promise<AddressRange[]> {
  const lists: AddressRange[][] = [ranges.map(parseAddressRange)];
  for (const file of files) lists.push(await readList(file));
  return lists.flat();
}

async function loadSet(source: AddressSource): Promise<AddressSet> {
  return new AddressSet(await readRanges(source));
}

/** Which addresses may reach the relay at all, as read at one time. */
export interface AddressRules {
  /** Undefined: everybody. */
  readonly allow: AddressSet | undefined;
  readonly deny: AddressSet | undefined;
}

/**
 * Reads the lists of a configuration.
 * @throws RelayStartError bad-address-list, naming the file and the line; also when nobody would be let in
 */
export async function loadAddressRules({
  allowCidr,
  denyCidr,
}: Pick<RelayConfig, 'allowCidr' | 'denyCidr'>): Promise<AddressRules> {
  const allow = allowCidr === null ? undefined : await loadSet(allowCidr);
  if (allow?.ranges === 0) {
    const where = allowCidr!.files.join(', ') || 'allowCidr';
    throw new RelayStartError('bad-address-list', `${where}: there is no address in it, so nobody would be let in`);
  }
  return { allow, deny: denyCidr === null ? undefined : await loadSet(denyCidr) };
}

/** The machine's own addresses, as they were a moment ago. */
export class OwnAddresses {
  #known: ReadonlySet<string> = new Set();
  #until = 0;

  has(address: string): boolean {
    if (address.startsWith('127.') || address === '::1') return true;
    const now = performance.now();
    if (now >= this.#until) {
      this.#until = now + defaults.ownAddressesLifetime;
      const interfaces = Object.values(networkInterfaces());
      this.#known = new Set(interfaces.flatMap((list) => (list ?? []).map((one) => one.address)));
    }
    return this.#known.has(address);
  }
}

/** Whether the lists let `address` in. */
export function mayReach({ allow, deny }: AddressRules, address: string): boolean {
  return deny?.has(address) !== true && allow?.has(address) !== false;
}
