/** Answering the wizard's questions in a terminal, as a person would who reads them first. */
import type { Terminal } from './terminal.ts';
import { until } from './wait.ts';

/** Loaded machines are slow, and npx unpacks the program before the first question. */
const QUESTION_SECONDS = 60;

/** The part of a screen that asks: from the last line with a question mark of its own to the end. */
export function openQuestion(screen: string): string {
  const at = screen.lastIndexOf('\n? ');
  return at < 0 && !screen.startsWith('? ') ? '' : screen.slice(at + 1);
}

/** A conversation in a terminal. Every question is kept as it was shown, for a look at it afterwards. */
export class Conversation {
  readonly terminal: Terminal;
  readonly asked: string[] = [];

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  /** Waits until this is asked, and gives the question with all that is shown below it. */
  async isAsked(question: string | RegExp): Promise<string> {
    const shown = () => this.terminal.screen().then(openQuestion);
    const matches = (text: string) => (typeof question === 'string' ? text.includes(question) : question.test(text));
    await this.terminal.waitFor(/^\? /m, QUESTION_SECONDS);
    const seen = await until(`the question ${question}`, { seconds: QUESTION_SECONDS }, async () => {
      const text = await shown();
      return matches(text) ? text : undefined;
    }).catch(async (error: Error) => {
      throw new Error(`${error.message}\n--- the terminal shows ---\n${await this.terminal.screen()}\n---`);
    });
    this.asked.push(seen);
    return seen;
  }

  /** Takes what is offered. */
  async accept(question: string | RegExp): Promise<string> {
    const seen = await this.isAsked(question);
    await this.terminal.key('Enter');
    return seen;
  }

  /** Types an answer in place of what is offered. */
  async type(question: string | RegExp, text: string): Promise<void> {
    await this.isAsked(question);
    await this.terminal.type(text);
    await this.terminal.key('Enter');
  }

  /** Goes up or down to the option that begins so, and takes it. */
  async choose(question: string | RegExp, option: string): Promise<void> {
    await this.isAsked(question);
    await until(`${option} to be pointed at`, { seconds: QUESTION_SECONDS }, async () => {
      const lines = openQuestion(await this.terminal.screen()).split('\n');
      const pointed = lines.findIndex((line) => line.startsWith('❯ '));
      const wanted = lines.findIndex((line) => line.slice(2).startsWith(option));
      if (wanted < 0) throw new Error(`there is no option ${option} in:\n${lines.join('\n')}`);
      if (pointed === wanted) return true;
      await this.terminal.key(pointed < wanted ? 'Down' : 'Up');
      return undefined;
    });
    await this.terminal.key('Enter');
  }
}
