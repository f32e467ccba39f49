/** Lists of addresses as flags, environment and files spell them: ranges, and files that hold more of them. Pure. */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { AddressRangeError, parseAddressRange } from '../../protocol/address-set.ts';
import type { AddressSource } from '../../relay/config.ts';
import { accept, type Parsed, type PartRefusal, refuse } from '../answers/problems.ts';

/** Addresses and files of them, or that there is to be no list any more. */
export type AddressChoice = AddressSource | 'none';

/** One entry; in double quotes it may hold what separates others. */
const ENTRIES = /"([^"]*)"|[^\s,"]+/g;
const SEPARATORS = /[\s,]/;
/** Digits and dots, or hex digits and colons: an address, though perhaps a mistyped one, and hardly a file. */
const LIKE_AN_ADDRESS = /^(\d[\d.]*|[\da-f.]*:[\da-f:.]*)(\/\d*)?$/i;
/** A name and a length, `192.0.2.0/24`; a path that looks like it is written with `./` in front. */
const LIKE_A_RANGE = /^[^./][^/]*\/\d+$/;

function isRange(entry: string): boolean {
  return isIP(entry) > 0 || LIKE_AN_ADDRESS.test(entry) || LIKE_A_RANGE.test(entry);
}

function rangeRefusal(entry: string): PartRefusal[] {
  try {
    parseAddressRange(entry);
    return [];
  } catch (error) {
    if (!(error instanceof AddressRangeError)) throw error;
    return [{ value: error.text, rule: { code: 'bad-range', flaw: error.flaw } }];
  }
}

/**
 * Reads `192.0.2.0/24, 2001:db8::1 lists/home.txt`: an address, or what has a length behind a slash, is a range, and
 * everything else the path of a file. `none` takes a list away that was there before. All wrong ranges are told.
 */
export function parseAddressSource(text: string): Parsed<AddressChoice> {
  const entries = [...text.matchAll(ENTRIES)].map(([entry, quoted]) => ({ entry: quoted ?? entry, quoted }));
  if (entries.length === 0 || entries.some(({ entry }) => entry === '')) return refuse({ code: 'missing-value' });
  const [only, ...others] = entries;
  if (others.length === 0 && only!.quoted === undefined && only!.entry === 'none') return accept('none');
  const ranges: string[] = [];
  const files: string[] = [];
  for (const { entry, quoted } of entries) {
    if (quoted === undefined && isRange(entry)) ranges.push(entry);
    else files.push(resolve(entry));
  }
  const flaws = ranges.flatMap(rangeRefusal);
  return flaws.length > 0 ? { ok: false, rule: flaws[0]!.rule, parts: flaws } : accept({ ranges, files });
}

/** Several texts as one that `parseAddressSource` takes apart again. */
export function joinEntries(entries: readonly string[]): string {
  return entries.map((entry) => (SEPARATORS.test(entry) ? `"${entry}"` : entry)).join(',');
}

/** A list as its flag spells it. */
export function formatAddressChoice(choice: AddressChoice): string {
  return choice === 'none' ? choice : joinEntries([...choice.ranges, ...choice.files]);
}

/** What the relay is told of a list. */
export function chosenSource(choice: AddressChoice | undefined): AddressSource | null {
  return choice === undefined || choice === 'none' ? null : choice;
}
