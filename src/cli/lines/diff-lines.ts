/** What a plan would change in files, line by line. Secrets are named and never shown. */
import type { ChalkInstance } from 'chalk';
import { createTwoFilesPatch, OMIT_HEADERS } from 'diff';
import type { EditStep, FileStep, RestoreStep } from '../../deploy/steps.ts';
import type { PreviewedStep } from '../../setup/preview.ts';
import type { Messages } from '../messages/en.ts';

/** Lines around a change. */
const CONTEXT = 3;
/** Of a new file so much is shown that it can be recognised; all of it with --verbose. */
const LONGEST_NEW_FILE = 60;

/** A line with what could steer the terminal taken out; tabs are text. */
function shown(line: string): string {
  return line.replace(/[^\P{C}\t]/gu, '?');
}

/** The two lines that say which file it is. */
function headLines(isNew: boolean, path: string, paint: ChalkInstance): string[] {
  return [`--- ${isNew ? '/dev/null' : shown(path)}`, `+++ ${shown(path)}`].map((line) => paint.bold(line));
}

/** One file as a unified diff, as `diff -u` and `patch` write and read it. */
function fileLines(
  step: FileStep | EditStep | RestoreStep,
  { before, after, change }: PreviewedStep['finding'],
  { plan }: Messages,
  paint: ChalkInstance,
  limit: number,
): string[] {
  const { path } = step;
  const isNew = change === 'create';
  const head = headLines(isNew, path, paint);
  if (step.kind === 'file' && step.secret) return [...head, paint.dim(plan.secret)];
  if (before === undefined || after === undefined) return [...head, paint.dim(plan.onlyMode)];
  // Nobody reads base64.
  if (step.kind === 'file' && step.purpose === 'certificate') {
    return [...head, paint.dim(plan.certificateText(step.content.split('-----BEGIN').length - 1))];
  }
  const patch = createTwoFilesPatch(path, path, before, after, '', '', {
    context: CONTEXT,
    headerOptions: OMIT_HEADERS,
  });
  const colours: Record<string, (text: string) => string> = {
    '+': paint.green,
    '-': paint.red,
    '@': paint.cyan,
    '\\': paint.dim,
  };
  const lines = patch
    .trimEnd()
    .split('\n')
    .map((line) => (colours[line[0] ?? ''] ?? String)(shown(line)));
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
  return preview.flatMap(({ step, finding }) =>
    step.kind === 'file' || step.kind === 'edit' || step.kind === 'restore'
      ? [...fileLines(step, finding, messages, paint, limit), '']
      : [],
  );
}
