/** What the doctor found, for people and as data. */
import type { ChalkInstance } from 'chalk';
import type { Judged } from '../../setup/doctor/checks.ts';
import type { Level } from '../../setup/doctor/findings.ts';
import type { Messages } from '../messages/en.ts';
import { inTermsOfDocker } from '../messages/finding-commands.ts';
import type { FindingWording } from '../messages/finding-wording.ts';
import { wordingOf } from '../problem-list.ts';
import { hangClauses, hangText } from './hanging-lines.ts';
import { harmless } from './text.ts';

const SYMBOLS: Record<Level, string> = { ok: '✔', warning: '!', failed: '✖' };

/** Columns before the sentence and before the way out. */
const TEXT_INDENT = 4;
const REMEDY_INDENT = 8;

/** What asks for something to be done stands last, where it is seen. */
const ORDER: readonly Level[] = ['ok', 'warning', 'failed'];

/** The findings in the order in which people read them; those of one level stay in the order of the checks. */
export function inReadingOrder(findings: readonly Judged[]): Judged[] {
  return [...findings].sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
}

function painted(level: Level, paint: ChalkInstance): string {
  const symbol = SYMBOLS[level];
  if (level === 'ok') return paint.green(symbol);
  return level === 'warning' ? paint.yellow(symbol) : paint.red(symbol);
}

/** What another catalogue says of the problem or the check that a finding holds. */
function explain({ data }: Judged, messages: Messages): FindingWording {
  if ('problem' in data) {
    const { rule, remedy } = wordingOf(data.problem.rule, messages);
    return { text: rule, ...(remedy !== undefined && { remedy }) };
  }
  if ('check' in data) {
    const { detail, remedy } = messages.explainCheck(data.check, data.about);
    return { text: detail, ...(remedy !== undefined && { remedy }) };
  }
  return { text: '' };
}

/** A finding in the language of the catalogue. */
export function findingWording(finding: Judged, messages: Messages): FindingWording {
  // Each id's own sentence takes that id's own data; the type system cannot follow the look-up.
  const word = messages.doctor.findings[finding.id] as (data: unknown, explained: FindingWording) => FindingWording;
  const { text, remedy } = word(finding.data, explain(finding, messages));
  if (remedy === undefined) return { text };
  return { text, remedy: finding.inContainer ? inTermsOfDocker(remedy) : remedy };
}

/**
 * The lines of one finding, with the way out and the lines of a journal below those that have any.
 * @param width columns of the terminal; undefined where there is none
 */
export function findingLines(finding: Judged, messages: Messages, paint: ChalkInstance, width?: number): string[] {
  const { text, remedy } = findingWording(finding, messages);
  const journal = 'journal' in finding.data ? finding.data.journal : [];
  return [
    ...hangText(`  ${painted(finding.level, paint)} `, TEXT_INDENT, harmless(text), width),
    ...journal.map((line) => `      ${paint.dim(`│ ${harmless(line)}`)}`),
    ...(remedy === undefined ? [] : hangClauses('      → ', REMEDY_INDENT, harmless(remedy), width)),
  ];
}

/** A finding as data, with its sentences. */
export function findingDocument(finding: Judged, messages: Messages): object {
  const { check, id, level, data, fix } = finding;
  const { text, remedy } = findingWording(finding, messages);
  return { check, id, level, message: text, ...(remedy !== undefined && { remedy }), ...(fix && { fix }), data };
}
