/**
 * Sets of IP addresses, written as addresses and CIDR ranges, that are asked for every connection: ranges are sorted and
 * joined once, and found by halving. Thousands of them cost as little as one (node:net's BlockList tries one after the
 * other).
 */
import { formatIpAddress, parseIpAddress } from './ip-address.ts';

/** All addresses from `first` to `last`, both of 4 or both of 16 bytes. */
export interface AddressRange {
  readonly first: Buffer;
  readonly last: Buffer;
}

/** What is wrong with a text that should be a range. */
export type RangeFlaw =
  | { code: 'no-range' }
  /** `longest`: the number of bits that the address has. */
  | { code: 'bad-length'; longest: number }
  /** A range of IPv4 addresses that is written as IPv6. */
  | { code: 'mapped' }
  /** `range`: that which the address is in; `address`: the address alone. */
  | { code: 'begins-within'; range: string; address: string };

function describeFlaw(flaw: RangeFlaw): string {
  switch (flaw.code) {
    case 'no-range':
      return 'is not an IP address or a CIDR range, such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32';
    case 'bad-length':
      return `needs a number from 0 to ${flaw.longest} behind its slash`;
    case 'mapped':
      return 'is a range of IPv4 addresses written as IPv6; write it as IPv4';
    case 'begins-within':
      return `begins within its range: write ${flaw.range}, or ${flaw.address} alone`;
  }
}

/** More would be no range; it is not quoted in full. */
const MAX_TEXT = 60;

/** A range that is none. The message says what is wrong with it, behind its text. */
export class AddressRangeError extends Error {
  override readonly name = 'AddressRangeError';
  /** The text, or the beginning of a long one. */
  readonly text: string;
  readonly flaw: RangeFlaw;

  constructor(text: string, flaw: RangeFlaw) {
    super(`${JSON.stringify(text.slice(0, MAX_TEXT))} ${describeFlaw(flaw)}`);
    this.text = text.slice(0, MAX_TEXT);
    this.flaw = flaw;
  }
}

/** What a line of a list is wrong about. */
export class AddressListError extends Error {
  override readonly name = 'AddressListError';
  /** Counted from 1. */
  readonly line: number;
  override readonly cause: AddressRangeError;

  constructor(line: number, cause: AddressRangeError) {
    super(cause.message);
    this.line = line;
    this.cause = cause;
  }
}

/** Bytes of an IPv4 address in the last four of an IPv6 one (`::ffff:192.0.2.1`). */
const MAPPED_BITS = 96;

/**
 * Reads an address (`192.0.2.1`, `2001:db8::1`) or a CIDR range (`192.0.2.0/24`). A range must begin at its own first
 * address: with anything else it is more likely that the length is wrong than that so many are meant.
 * @throws AddressRangeError
 */
export function parseAddressRange(text: string): AddressRange {
  const fail = (flaw: RangeFlaw) => new AddressRangeError(text, flaw);
  const [address = '', length, ...more] = text.split('/');
  const bytes = address.includes('%') ? undefined : parseIpAddress(address);
  if (bytes === undefined || text.length > MAX_TEXT || more.length > 0) {
    throw fail({ code: 'no-range' });
  }
  const written = address.includes(':') ? 128 : 32;
  if (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= written)) {
    throw fail({ code: 'bad-length', longest: written });
  }
  const prefix = Number(length ?? written) - (written === 128 && bytes.length === 4 ? MAPPED_BITS : 0);
  if (prefix < 0) throw fail({ code: 'mapped' });
  const first = Buffer.from(bytes);
  const last = Buffer.from(bytes);
  for (let i = 0; i < bytes.length; i++) {
    const mask = 0xff >> Math.min(8, Math.max(0, prefix - 8 * i));
    first[i]! &= ~mask;
    last[i]! |= mask;
  }
  if (!first.equals(bytes)) {
    const range = `${formatIpAddress(first)}/${prefix}`;
    throw fail({ code: 'begins-within', range, address: formatIpAddress(bytes) });
  }
  return { first, last };
}

/**
 * Reads a list: one address or range a line, blank lines, and comments from # to the end of a line.
 * @throws AddressListError
 */
export function parseAddressList(text: string): AddressRange[] {
  const ranges: AddressRange[] = [];
  for (const [i, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const comment = line.indexOf('#');
    const entry = (comment < 0 ? line : line.slice(0, comment)).trim();
    if (entry === '') continue;
    try {
      ranges.push(parseAddressRange(entry));
    } catch (error) {
      if (!(error instanceof AddressRangeError)) throw error;
      throw new AddressListError(i + 1, error);
    }
  }
  return ranges;
}

/** The ranges of addresses of one length, sorted, those that meet inside one another joined. */
export function joinRanges(ranges: readonly AddressRange[], bytes: 4 | 16): AddressRange[] {
  const sorted = ranges.filter(({ first }) => first.length === bytes);
  sorted.sort((a, b) => a.first.compare(b.first));
  const joined: { first: Buffer; last: Buffer }[] = [];
  for (const { first, last } of sorted) {
    const before = joined.at(-1);
    if (before === undefined || first.compare(before.last) > 0) joined.push({ first, last });
    else if (last.compare(before.last) > 0) before.last = last;
  }
  return joined;
}

/** Ranges of addresses of one length, sorted and apart, as words of 32 bits. */
class SortedRanges {
  readonly #words: number;
  /** The first and the last address of each range, one behind the other. */
  readonly #bounds: Uint32Array;
  readonly count: number;

  constructor(ranges: readonly AddressRange[], bytes: 4 | 16) {
    const joined = joinRanges(ranges, bytes);
    this.#words = bytes / 4;
    this.count = joined.length;
    this.#bounds = new Uint32Array(2 * this.#words * joined.length);
    let at = 0;
    for (const { first, last } of joined) {
      for (const bound of [first, last]) for (let i = 0; i < bytes; i += 4) this.#bounds[at++] = bound.readUInt32BE(i);
    }
  }

  has(address: Buffer): boolean {
    let low = 0;
    let high = this.count;
    // The last range that does not begin behind the address.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(address, 2 * middle) < 0) high = middle;
      else low = middle + 1;
    }
    return low > 0 && this.#compare(address, 2 * low - 1) <= 0;
  }

  #compare(address: Buffer, bound: number): number {
    for (let i = 0; i < this.#words; i++) {
      const difference = address.readUInt32BE(4 * i) - this.#bounds[bound * this.#words + i]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

/** A set of addresses that is asked often. */
export class AddressSet {
  readonly #v4: SortedRanges;
  readonly #v6: SortedRanges;

  constructor(ranges: readonly AddressRange[]) {
    this.#v4 = new SortedRanges(ranges, 4);
    this.#v6 = new SortedRanges(ranges, 16);
  }

  /** How many ranges are left of those that were given, as some lie in others. */
  get ranges(): number {
    return this.#v4.count + this.#v6.count;
  }

  /** Whether an address is in it; an IPv4 address may be written as IPv6. What is no address is in no set. */
  has(address: string): boolean {
    const bytes = parseIpAddress(address);
    if (bytes === undefined) return false;
    return (bytes.length === 4 ? this.#v4 : this.#v6).has(bytes);
  }
}
