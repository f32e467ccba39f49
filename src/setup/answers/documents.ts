/** Answers in files: the one named by --answers, and config.json of the last run. */
import { formatVerification } from '../../deploy/verification.ts';
import { FileError, readText, readTextIfPresent } from '../../system/files.ts';
import { formatAddressChoice } from '../access/address-source.ts';
import { formatClientRateChoice } from '../access/client-rate.ts';
import type { Problem, Rule } from './problems.ts';
import { type Answers, type QuestionKey, questionKeys } from './questions.ts';
import type { AnswersDocument, GivenAnswers } from './resolve.ts';

/** The form of config.json that this program writes; a newer program may write another. */
const CONFIG_VERSION = 1;

/** A document, no document, or what is wrong with it. */
export type DocumentResult = { document?: AnswersDocument; problems: Problem[] };

/** The rule that a file breaks which cannot be read or written. */
export function fileRule(error: FileError): Rule {
  return { code: 'file', action: error.action, problem: error.problem, detail: error.reason };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads the answers out of JSON text: an object of them, or config.json's `{"version", "answers"}`. */
function parseDocument(text: string): { values: Record<string, unknown> } | { rule: Rule } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { rule: { code: 'not-json' } };
  }
  if (!isObject(json)) return { rule: { code: 'not-an-object' } };
  if (!('version' in json) && !('answers' in json)) return { values: json };
  if (typeof json.version === 'number' && json.version > CONFIG_VERSION) return { rule: { code: 'newer-config' } };
  return isObject(json.answers) ? { values: json.answers } : { rule: { code: 'not-an-object' } };
}

async function readDocument(
  read: (path: string) => Promise<string | undefined>,
  path: string,
  blame: Omit<Problem, 'rule'>,
): Promise<DocumentResult> {
  try {
    const text = await read(path);
    if (text === undefined) return { problems: [] };
    const parsed = parseDocument(text);
    if ('rule' in parsed) return { problems: [{ ...blame, rule: parsed.rule }] };
    return { document: { path, values: parsed.values }, problems: [] };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { problems: [{ ...blame, rule: fileRule(error) }] };
  }
}

/** The file named by --answers. */
export function readAnswersFile(path: string): Promise<DocumentResult> {
  return readDocument(readText, path, { subject: '--answers', flag: '--answers', value: path });
}

/** The answers of the last run; on the first run there are none. */
export function readSavedAnswers(path: string): Promise<DocumentResult> {
  return readDocument(readTextIfPresent, path, { subject: path });
}

/** A value in the form in which its own question reads it again. */
export function savable(value: Answers[QuestionKey]): string | number | undefined {
  if (typeof value !== 'object') return value;
  if ('kind' in value) return formatVerification(value);
  if ('ranges' in value) return formatAddressChoice(value);
  return 'bytesPerSecond' in value ? formatClientRateChoice(value) : value.redirect;
}

function formatAnswers(entries: [QuestionKey, unknown][]): string {
  return `${JSON.stringify({ version: CONFIG_VERSION, answers: Object.fromEntries(entries) }, null, 2)}\n`;
}

/**
 * The text of config.json where only what was answered is kept: a default (the detected address, say) is found anew
 * each time, so that it follows the machine.
 */
export function formatGivenAnswers(given: GivenAnswers): string {
  return formatAnswers(questionKeys.flatMap((key) => (given[key] ? [[key, savable(given[key].value)]] : [])));
}

/** The text of config.json for an installation that stays: what nobody mentions next time is as it was. */
export function formatAllAnswers(answers: Answers): string {
  return formatAnswers(
    questionKeys.flatMap((key) => (answers[key] === undefined ? [] : [[key, savable(answers[key])]])),
  );
}
