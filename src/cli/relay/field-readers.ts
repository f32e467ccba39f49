/** Readers of single fields of a config file. */
import { resolve } from 'node:path';
import { type Read, readPath } from '../../setup/derper-flags/settings.ts';

/** What is wrong inside a field that is an object: each flaw by the field within. */
export interface Flaws {
  flaws: { field: string; problem: string }[];
}

/** Reads a field's value. `directory` is the file's own, which relative paths start from. */
export type Reader<T> = (value: unknown, directory: string) => Read<T>;

/** Reads a field that is an object, and can say several things about it. */
export type ObjectReader<T> = (value: unknown, directory: string) => Read<T> | Flaws;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A reader for texts, and for numbers where a text of digits would do. */
export function textual<T>(read: (text: string) => Read<T>): Reader<T> {
  return (value) =>
    typeof value === 'string' || typeof value === 'number' ? read(String(value)) : { problem: 'must be a text' };
}

export const readFlag: Reader<boolean> = (value) =>
  typeof value === 'boolean' ? { value } : { problem: 'must be true or false' };

export const readMilliseconds: Reader<number> = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0
    ? { value: value as number }
    : { problem: 'must be a number of milliseconds, 0 or more' };

export const readFile: Reader<string> = (value, directory) => {
  const path = textual(readPath)(value, directory);
  return 'value' in path ? { value: resolve(directory, path.value) } : path;
};
