/** What the wizard asks with, whoever answers: the terminal, or a test. */
import type { Session } from '../session.ts';

/** What a prompt answers when Escape is pressed. */
export const BACK = Symbol('back');
export type Back = typeof BACK;

/** Ctrl-C, Ctrl-D, or the end of the terminal, while a question was open. */
export class WizardInterrupted extends Error {
  override readonly name = 'WizardInterrupted';
}

/** What is said beside a question. */
interface Remarks {
  info?: readonly string[];
  warnings?: readonly string[];
}

/** One of a list. */
export interface SelectOption<T> {
  value: T;
  name: string;
  /** A few words more. */
  note?: string | undefined;
  /** Why it cannot be chosen. */
  disabled?: string | undefined;
}

export interface SelectQuestion<T> extends Remarks {
  message: string;
  options: readonly SelectOption<T>[];
  /** What Enter takes; the first that can be chosen when absent. */
  preselected?: T | undefined;
}

export interface InputQuestion {
  message: string;
  /** What Enter takes. */
  offered?: string | undefined;
  /** What is wrong with a text, in a sentence; undefined when it will do. */
  judge(text: string): Promise<string | undefined> | string | undefined;
}

/** A question that is answered by Enter or a letter. */
export interface KeysQuestion<T> extends Remarks {
  message: string;
  /** What the question is about, as it is now. */
  value?: string;
  /** The first is what Enter takes. */
  options: readonly { key: string; name: string; value: T }[];
}

/** Asks one question at a time. Throws WizardInterrupted. */
export interface Prompter {
  select<const T>(question: SelectQuestion<T>): Promise<T | Back>;
  input(question: InputQuestion): Promise<string | Back>;
  keys<const T>(question: KeysQuestion<T>): Promise<T | Back>;
}

/** The terminal: what is typed, and what shows it. */
export interface Terminal {
  stdin: NodeJS.ReadStream;
  stderr: NodeJS.WriteStream;
}

/** Whether there is somebody to ask: a terminal for both directions, and no program that reads the answer. */
export function canPrompt({ output, environment }: Session, { stdin, stderr }: Terminal = process): boolean {
  return stdin.isTTY === true && stderr.isTTY === true && environment.TERM !== 'dumb' && !output.json;
}
