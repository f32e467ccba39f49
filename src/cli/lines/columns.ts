/** Lines that fit a terminal: text that is wrapped, and figures in the form in which people read them. */
import { displayWidth } from './text.ts';

/** Lines are written for this many columns where nobody knows better. */
export const USUAL_WIDTH = 80;
/** Longer lines are hard to read, however wide the terminal is. */
export const WIDEST = 110;

/** How many columns lines may have on a terminal that says it has `columns`. */
export function lineWidth(columns: number | undefined): number {
  // A terminal that does not know its width says 0.
  return Math.min(columns || USUAL_WIDTH, WIDEST);
}

/** How many columns a stream has; undefined when it is no terminal, where lines may have any length. */
export function columnsOf({ isTTY, columns }: { isTTY?: boolean; columns?: number }): number | undefined {
  return isTTY ? columns || USUAL_WIDTH : undefined;
}

/**
 * Pieces that a line may not be broken within: figures with their unit, words with the spaces behind them, and single
 * Chinese characters with the punctuation that must not begin a line.
 */
const PIECES =
  /[\d.]+ (?:ms|s|[kMG]?B)(?![\w])[，。；：、！？）]*\s*|[\u2e80-\u303e\u3041-\u9fff\uff00-\uff60][，。；：、！？」』）》】]*\s*|[^\s\u2e80-\u303e\u3041-\u9fff\uff00-\uff60]+[，。；：、！？」』）》】]*\s*|\s+/gu;

/** The text in lines of at most `width` columns; a word that is wider has a line of its own. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const piece of text.match(PIECES) ?? []) {
    if (line !== '' && displayWidth((line + piece).trimEnd()) > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += piece;
  }
  return line.trim() === '' && lines.length > 0 ? lines : [...lines, line.trimEnd()];
}

/** The parts with a separator between them, in lines that end between two parts. */
export function joinParts(parts: readonly string[], separator: string, width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const longer = lines.length > 0 ? `${lines.at(-1)}${separator}${part}` : part;
    if (lines.length > 0 && displayWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];
const STEP = 1024;

/** A number of bytes, `1.9 GB`; a kilobyte has 1,024. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= STEP && unit < UNITS.length - 1) {
    value /= STEP;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A time that was needed, `1.2 s` or `2 min 5 s`. */
export function formatSeconds(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
