/** Changes to right inputs that make them wrong in the ways that parsers get wrong. */
import type { Random } from './random.ts';

const ODD_BYTES = [0x00, 0x01, 0x0a, 0x0d, 0x20, 0x7f, 0x80, 0xff];
const ODD_NUMBERS = [
  0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

/** One change in place, or a new buffer where the length changes. Never longer than `most`. */
function change(random: Random, bytes: Buffer, words: readonly Buffer[], most: number): Buffer {
  const at = random.below(bytes.length + 1);
  const inside = Math.min(at, Math.max(0, bytes.length - 1));
  switch (random.below(11)) {
    case 0:
      if (bytes.length > 0) bytes[inside]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      if (bytes.length > 0) bytes[inside] = random.pick(ODD_BYTES);
      return bytes;
    case 2:
      if (bytes.length > 0) bytes[inside] = random.next();
      return bytes;
    case 3: {
      const width = random.pick([2, 4]);
      if (at + width <= bytes.length) {
        const number = random.oneIn(3) ? random.between(-4, 4) + bytes.readUIntBE(at, width) : random.pick(ODD_NUMBERS);
        bytes.writeUIntBE(Math.abs(number) % 2 ** (8 * width), at, width);
      }
      return bytes;
    }
    case 4:
      return bytes.subarray(0, at);
    case 5: {
      const end = Math.min(bytes.length, at + 1 + random.length(64));
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    }
    case 6: {
      const piece = bytes.subarray(at, at + 1 + random.length(64));
      return insert(bytes, random.below(bytes.length + 1), piece, most);
    }
    case 7: {
      const piece = bytes.subarray(at, at + 1 + random.below(8));
      const times = 1 + random.length(Math.floor(most / Math.max(1, piece.length)));
      return insert(bytes, at, Buffer.concat(Array.from({ length: Math.min(times, 400) }, () => piece)), most);
    }
    case 8:
      return insert(bytes, at, random.bytes(1 + random.length(32)), most);
    default:
      return words.length > 0 ? insert(bytes, at, random.pick(words), most) : bytes;
  }
}

function insert(bytes: Buffer, at: number, piece: Buffer, most: number): Buffer {
  if (bytes.length + piece.length > most) return bytes;
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
}

/** How inputs are changed. */
export interface MutateOptions {
  /** Pieces that mean something to the parser, put in here and there. */
  words?: readonly Buffer[];
  /** The longest result. */
  most?: number;
}

/** A copy of `bytes` with a few changes; sometimes none, so that right inputs are tried as well. */
export function mutateBytes(random: Random, bytes: Buffer, { words = [], most = 4096 }: MutateOptions = {}): Buffer {
  let changed = Buffer.from(bytes);
  const times = random.oneIn(12) ? 0 : 1 + random.length(6);
  for (let i = 0; i < times; i++) changed = Buffer.from(change(random, changed, words, most));
  return changed;
}

/** Words as buffers. */
export function words(...texts: string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text));
}

const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  65_535,
  65_536,
  1.5,
  -0,
  1e308,
  2 ** 53,
  '',
  ' ',
  '0',
  '-1',
  '443',
  ':443',
  'true',
  '\u0000',
  '‮',
  '𝕏',
  'x'.repeat(3000),
  '__proto__',
  [],
  {},
  [null],
  [[]],
  { '': null },
  ['a', 'b'],
  { length: -1 },
];
const ODD_NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'length', 'then', 'toJSON'];

/** A copy of a JSON value with something in it replaced, left out, added or renamed. */
export function mutateJson(random: Random, value: unknown, depth = 0): unknown {
  if (random.oneIn(depth === 0 ? 20 : 5)) return random.pick(ODD_VALUES);
  if (random.oneIn(40)) return nested(random, value);
  if (Array.isArray(value)) {
    const items = value.map((item) => (random.oneIn(3) ? mutateJson(random, item, depth + 1) : item));
    if (random.oneIn(4)) items.splice(random.below(items.length + 1), random.below(2), random.pick(ODD_VALUES));
    return items;
  }
  if (typeof value !== 'object' || value === null) return random.oneIn(2) ? value : random.pick(ODD_VALUES);
  const fields = Object.entries(value);
  // One or two of many fields, so that what is behind the first that is wrong gets its share.
  const rarely = Math.max(3, fields.length);
  const entries = fields.map(([name, item]): [string, unknown] => [
    random.oneIn(5 * rarely) ? changedName(random, name) : name,
    random.oneIn(rarely) ? mutateJson(random, item, depth + 1) : item,
  ]);
  if (random.oneIn(4)) entries.splice(random.below(entries.length + 1), 1);
  if (random.oneIn(4)) entries.push([random.pick(ODD_NAMES), random.pick(ODD_VALUES)]);
  // Object.fromEntries, unlike an assignment, makes __proto__ a field like any other.
  return Object.fromEntries(entries);
}

function changedName(random: Random, name: string): string {
  return random.pick([name.toLowerCase(), name.toUpperCase(), `${name} `, name.slice(1), random.pick(ODD_NAMES)]);
}

function nested(random: Random, value: unknown): unknown {
  let whole = value;
  for (let i = random.length(60); i >= 0; i--) whole = random.oneIn(2) ? [whole] : { a: whole };
  return whole;
}

/** JSON text of a changed value, which sometimes is no JSON any more. */
export function mutateJsonText(random: Random, value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(mutateJson(random, value)) ?? 'null');
  return random.oneIn(4) ? mutateBytes(random, text, { words: JSON_WORDS, most: 8192 }) : text;
}

const JSON_WORDS = words('null', '{', '}', '[', ']', '"', ',', ':', '\\u0000', '\\ud800', '1e999', '-', '\ufeff', '\\');
