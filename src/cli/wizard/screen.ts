/** The lines that stay above the open question, and how they are taken back when somebody goes back. */
import { stripVTControlCharacters } from 'node:util';
import { displayWidth } from '../lines/text.ts';

/** Lines above the open question. */
export interface Screen {
  /** Adds lines, which one `takeBack` takes away again. */
  show(lines: readonly string[]): void;
  takeBack(): void;
}

/** Where a screen is drawn. */
export interface ScreenStream {
  write(text: string): unknown;
  columns?: number;
}

/** How many rows a line takes on a terminal of so many columns. */
export function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(displayWidth(stripVTControlCharacters(line)) / columns));
}

/** A screen that is drawn on a terminal. */
export function createScreen(stream: ScreenStream): Screen {
  const shown: (readonly string[])[] = [];
  return {
    show: (lines) => {
      shown.push(lines);
      if (lines.length > 0) stream.write(`${lines.join('\n')}\n`);
    },
    takeBack: () => {
      const lines = shown.pop() ?? [];
      const columns = stream.columns || 80;
      const rows = lines.reduce((sum, line) => sum + rowsOf(line, columns), 0);
      // Up to the first of them, and clear everything from there on.
      if (rows > 0) stream.write(`\u001b[${rows}A\u001b[J`);
    },
  };
}
