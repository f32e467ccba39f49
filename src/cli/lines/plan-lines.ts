/** A plan as people read it before they say yes: numbered, one line for what belongs together. */
import type { ChalkInstance } from 'chalk';
import type { Prepared } from '../../setup/prepare.ts';
import type { PreviewedStep } from '../../setup/preview.ts';
import type { Messages } from '../messages/en.ts';
import { lineWidth, wrapText } from './columns.ts';
import { groupSteps } from './step-groups.ts';
import { describeGroup, memberTexts, type StepText } from './step-texts.ts';
import { displayWidth, harmless, padTo } from './text.ts';

/** How much is shown, and how wide. */
export interface PlanLineOptions {
  /** Names every single thing that is changed. */
  verbose?: boolean;
  /** Columns of the terminal. */
  columns?: number | undefined;
}

/** What makes up one numbered line. */
interface Row extends StepText {
  members: string[];
}

/** Details are in a column of their own, which long lines do not push away. */
const GAP = 3;
const WIDEST_TEXT = 62;

/** One row: the detail beside the text, in its column or at least behind it, or else below. */
function bodyLines(
  { text, detail, alarming }: StepText,
  column: number,
  width: number,
  paint: ChalkInstance,
): string[] {
  const colour = alarming ? paint.yellow : paint.dim;
  const gap = ' '.repeat(GAP);
  const fits = (start: string) => displayWidth(start) + GAP + displayWidth(detail) <= width;
  if (detail === '') return wrapText(text, width);
  if (fits(padTo(text, column))) return [padTo(text, column) + gap + colour(detail)];
  if (fits(text)) return [text + gap + colour(detail)];
  return [...wrapText(text, width), ...wrapText(detail, width).map((line) => colour(line))];
}

function formatRows(
  rows: readonly Row[],
  paint: ChalkInstance,
  { verbose = false, columns }: PlanLineOptions,
): string[] {
  const numberWidth = String(rows.length).length + 2;
  const indent = numberWidth + 2;
  const width = lineWidth(columns) - indent;
  const detailed = rows.filter(({ detail }) => detail !== '');
  const column = Math.max(0, ...detailed.map(({ text }) => displayWidth(text)).filter((text) => text <= WIDEST_TEXT));
  return rows.flatMap((row, at) => {
    const named = verbose ? row.members.map((line) => paint.dim(`  ${line}`)) : [];
    const [first = '', ...rest] = [...bodyLines(row, column, width, paint), ...named];
    const number = paint.dim(String(at + 1).padStart(numberWidth));
    return [`${number}  ${first}`, ...rest.map((line) => ' '.repeat(indent) + line)];
  });
}

function rowsOf(preview: readonly PreviewedStep[], messages: Messages, certificateDetail?: string): Row[] {
  return groupSteps(preview).map((group) => {
    const { text, detail, alarming } = describeGroup(group, messages);
    const more = group.kind === 'certificate' && certificateDetail !== undefined ? certificateDetail : detail;
    return {
      text: harmless(text),
      detail: harmless(more),
      alarming,
      members: memberTexts(group, messages).map(harmless),
    };
  });
}

/** The steps that have something to do. */
export function previewLines(
  preview: readonly PreviewedStep[],
  messages: Messages,
  paint: ChalkInstance,
  options: PlanLineOptions = {},
): string[] {
  return formatRows(rowsOf(preview, messages), paint, options);
}

/** A plan, with the proof at its end. */
export function planLines(
  { preview, answers, certificate, noStart }: Pick<Prepared, 'preview' | 'answers' | 'certificate' | 'noStart'>,
  messages: Messages,
  paint: ChalkInstance,
  options: PlanLineOptions = {},
): string[] {
  const { certificateDetail, prove } = messages.plan;
  const until = certificate.notAfter?.toISOString().slice(0, 10);
  const detail = until === undefined ? undefined : certificateDetail[certificate.mode](until);
  const rows = rowsOf(preview, messages, detail);
  if (!noStart) rows.push({ text: prove(answers.host), detail: '', alarming: false, members: [] });
  return formatRows(rows, paint, options);
}
