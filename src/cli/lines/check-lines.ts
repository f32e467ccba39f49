/** Findings of a probe, one line each, with the way out below those that need one. */
import type { ChalkInstance } from 'chalk';
import type { Check, CheckStatus, ProbeOptions } from '../../probe/check.ts';
import type { Messages } from '../messages/en.ts';
import { lineWidth, wrapText } from './columns.ts';
import { displayWidth, harmless, padTo } from './text.ts';

const SYMBOLS: Record<CheckStatus, string> = { ok: '✔', failed: '✖', warning: '!', skipped: '–' };

/** Times from here on are worth showing, milliseconds. */
const SLOW_MS = 1000;

function painted(status: CheckStatus, paint: ChalkInstance): string {
  const symbol = SYMBOLS[status];
  switch (status) {
    case 'ok':
      return paint.green(symbol);
    case 'failed':
      return paint.red(symbol);
    case 'warning':
      return paint.yellow(symbol);
    case 'skipped':
      return paint.dim(symbol);
  }
}

/**
 * The lines of one check of what was probed, in so many columns; without them a finding is one line, as logs want it.
 * The symbol says all that the colour says.
 */
export function checkLines(
  check: Check,
  about: ProbeOptions,
  { checks, explainCheck }: Messages,
  paint: ChalkInstance,
  columns?: number,
): string[] {
  const { detail, remedy } = explainCheck(check, about);
  const width = Math.max(...Object.values(checks).map(displayWidth));
  const time = check.ms !== undefined && check.ms >= SLOW_MS ? paint.dim(`  (${(check.ms / 1000).toFixed(1)} s)`) : '';
  const indent = ' '.repeat(width + 6);
  const wrap = (text: string, taken: number) =>
    columns === undefined ? [text] : wrapText(text, lineWidth(columns) - indent.length - taken);
  const [first = '', ...rest] = wrap(harmless(detail), 0);
  const start = `  ${painted(check.status, paint)} ${padTo(checks[check.id], width)}  ${first}`;
  const lines = [start, ...rest.map((line) => indent + line)];
  lines[lines.length - 1] += time;
  const mend = remedy === undefined ? [] : wrap(harmless(remedy), 2);
  return [...lines, ...mend.map((line, at) => `${indent}${at === 0 ? '→ ' : '  '}${line}`)];
}
