/** What a plan would change in files, line by line. Secrets are named and never shown. */
import type { ChalkInstance } from 'chalk';
import { structuredPatch } from 'diff';
import type { FileStep } from '../deploy/steps.ts';
import type { PreviewedStep } from '../setup/preview.ts';
import type { Messages } from './messages/en.ts';

/** Lines around a change. */
const CONTEXT = 3;
/** Of a new file so much is shown that it can be recognised; all of it with --verbose. */
const LONGEST_NEW_FILE = 60;

/** A line with what could steer the terminal taken out; tabs are text. */
function shown(line: string): string {
  return line.replace(/[^\P{C}\t]/gu, '?');
}

function headLine(sign: string, name: string, paint: ChalkInstance): string {
  return paint.bold(`${sign} ${shown(name)}`);
}

/** One file as a unified diff, as `diff -u` and `patch` write and read it. */
function fileLines(
  { path, content, purpose }: FileStep,
  { before, after, change }: PreviewedStep['finding'],
  { plan }: Messages,
  paint: ChalkInstance,
  limit: number,
): string[] {
  const isNew = change === 'create';
  const head = [headLine('---', isNew ? '/dev/null' : path, paint), headLine('+++', path, paint)];
  if (before === undefined || after === undefined) return [...head, paint.dim(plan.onlyMode)];
  // Nobody reads base64.
  if (purpose === 'certificate')
    return [...head, paint.dim(plan.certificateText(content.split('-----BEGIN').length - 1))];
  const { hunks } = structuredPatch(path, path, before, after, '', '', { context: CONTEXT });
  const lines = hunks.flatMap((hunk) => {
    const { oldStart, oldLines, newStart, newLines } = hunk;
    const range = paint.cyan(`@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`);
    const colours: Record<string, (text: string) => string> = { '+': paint.green, '-': paint.red, '\\': paint.dim };
    return [range, ...hunk.lines.map((line) => (colours[line[0]!] ?? String)(shown(line)))];
  });
  if (!isNew || lines.length <= limit) return [...head, ...lines];
  return [...head, ...lines.slice(0, limit), paint.dim(plan.moreLines(lines.length - limit))];
}

/** The differences of all files, an empty line between two. */
export function previewDiffLines(
  preview: readonly PreviewedStep[],
  messages: Messages,
  paint: ChalkInstance,
  { verbose = false }: { verbose?: boolean } = {},
): string[] {
  const limit = verbose ? Number.POSITIVE_INFINITY : LONGEST_NEW_FILE;
  return preview.flatMap(({ step, finding }) => {
    if (step.kind !== 'file') return [];
    if (!step.secret) return [...fileLines(step, finding, messages, paint, limit), ''];
    const head = headLine('---', finding.change === 'create' ? '/dev/null' : step.path, paint);
    return [head, headLine('+++', step.path, paint), paint.dim(messages.plan.secret), ''];
  });
}
