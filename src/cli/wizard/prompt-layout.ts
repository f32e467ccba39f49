/** Where the parts of a prompt go on a terminal of a given width. Pure. */
import type { ChalkInstance } from 'chalk';
import { wrapText } from '../lines/columns.ts';
import { displayWidth, padTo } from '../lines/text.ts';
import type { SelectOption } from './prompter.ts';

/** In front of every option and of every message. */
const MARK_WIDTH = 2;
const INDENT = '  ';

/** What is said below a question: facts in grey, warnings in yellow with a mark of their own. */
export function remarkLines(
  { info = [], warnings = [] }: { info?: readonly string[]; warnings?: readonly string[] },
  paint: ChalkInstance,
  columns: number,
): string[] {
  const lines = (text: string, first: string, colour: (line: string) => string) =>
    wrapText(text, columns - MARK_WIDTH - displayWidth(first)).map((line, at) =>
      colour(`${INDENT}${at === 0 ? first : ' '.repeat(displayWidth(first))}${line}`),
    );
  return [
    ...warnings.flatMap((text) => lines(text, '! ', paint.yellow)),
    ...info.flatMap((text) => lines(text, '', paint.dim)),
  ];
}

/** A message in lines that leave room for the mark; inquirer would break words. */
export function messageLines(message: string, columns: number): string[] {
  return wrapText(message, columns - MARK_WIDTH).map((line, at) => (at === 0 ? line : `${INDENT}${line}`));
}

/** A sentence about what was typed, below it. */
export function errorText(text: string, columns: number): string {
  return wrapText(text, columns - MARK_WIDTH)
    .map((line, at) => (at === 0 ? `✖ ${line}` : `${INDENT}${line}`))
    .join('\n');
}

/** An option as inquirer lists it. */
export interface LaidOutOption<T> {
  value: T;
  name: string;
  disabled?: string;
  /** Below the list, while it is pointed at. */
  description?: string;
}

/** Notes beside the names where all of them fit, else below the list for the option that is pointed at. */
export function layOutOptions<T>(
  options: readonly SelectOption<T>[],
  paint: ChalkInstance,
  columns: number,
): LaidOutOption<T>[] {
  const width = Math.max(...options.map(({ name }) => displayWidth(name)));
  const widest = Math.max(...options.map(({ note = '', disabled }) => displayWidth(disabled ?? note)));
  const beside = MARK_WIDTH + width + 3 + widest <= columns;
  return options.map(({ value, name, note, disabled }) => {
    // Inquirer puts one space before the reason.
    if (disabled !== undefined) return { value, name: padTo(name, width + 2), disabled };
    if (note === undefined) return { value, name };
    if (beside) return { value, name: `${padTo(name, width + 3)}${paint.dim(note)}` };
    return { value, name, description: wrapText(note, columns - MARK_WIDTH).join(`\n${INDENT}`) };
  });
}

/** The line that is answered by a letter; what the letters mean goes below where it does not fit. */
export function keysMessage(
  message: string,
  value: string | undefined,
  hint: string,
  paint: ChalkInstance,
  columns: number,
): string {
  const plain = value === undefined ? message : `${message}  ${value}`;
  const fits = MARK_WIDTH + displayWidth(plain) + 2 + displayWidth(hint) + 2 <= columns;
  const painted = value === undefined ? paint.bold(message) : `${paint.bold(message)}  ${paint.cyan(value)}`;
  return `${painted}${fits ? '  ' : `\n${INDENT}`}${paint.dim(hint)}`;
}
