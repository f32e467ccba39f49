/** Asking at the terminal: questions on stderr, so that stdout stays the answer, and Escape as a way back. */
import { emitKeypressEvents, type Interface } from 'node:readline';
import { lineWidth } from '../lines/columns.ts';
import type { Session } from '../session.ts';
import { keysMessage, layOutOptions, messageLines, remarkLines } from './prompt-layout.ts';
import { promptTheme } from './prompt-theme.ts';
import { BACK, type Back, type Prompter, type Terminal, WizardInterrupted } from './prompter.ts';

/** How long after an Escape the rest of an arrow key's sequence may come, milliseconds. */
const ESCAPE_MS = 80;

/**
 * Aborts `onEscape` at a lone Escape, and `onEnd` at Ctrl-D or when the terminal is gone: inquirer leaves the first to
 * nobody, and waits for ever after the others. Returns how to stop watching.
 */
function watchKeys(stdin: NodeJS.ReadStream, onEscape: () => void, onEnd: () => void): () => void {
  // The first to ask for key presses says how long a lone Escape takes; half a second, if that is left to readline.
  emitKeypressEvents(stdin, { escapeCodeTimeout: ESCAPE_MS } as unknown as Interface);
  const onKey = (_: unknown, key: { name?: string; ctrl?: boolean } | undefined) => {
    if (key?.name === 'escape') onEscape();
    if (key?.ctrl === true && key.name === 'd') onEnd();
  };
  stdin.on('keypress', onKey);
  stdin.on('end', onEnd);
  return () => {
    stdin.off('keypress', onKey);
    stdin.off('end', onEnd);
  };
}

type Prompts = typeof import('./terminal-prompts.ts');
type PromptTheme = ReturnType<typeof promptTheme>;

/** What a prompt is drawn with. */
interface Drawing {
  prompts: Prompts;
  theme: PromptTheme;
  columns: number;
  context: { input: NodeJS.ReadStream; output: NodeJS.WriteStream; signal: AbortSignal; clearPromptOnDone: boolean };
}

/** A prompter for this session's terminal; `signal` ends the question that is open. */
export function createPrompter(
  { output, messages }: Session,
  signal: AbortSignal,
  { stdin, stderr }: Terminal = process,
): Prompter {
  const paint = output.paintError;

  const ask = async <T>(show: (drawing: Drawing) => Promise<T>): Promise<T | Back> => {
    const prompts = await import('./terminal-prompts.ts');
    const columns = lineWidth(stderr.columns);
    const theme = promptTheme(paint, messages, columns);
    const ending = new AbortController();
    const stopWatching = watchKeys(
      stdin,
      () => ending.abort(BACK),
      () => ending.abort(new WizardInterrupted()),
    );
    const both = AbortSignal.any([signal, ending.signal]);
    try {
      // A prompt that is answered goes away: the answer is shown in a line of its own.
      const context = { input: stdin, output: stderr, signal: both, clearPromptOnDone: true };
      return await show({ prompts, theme, columns, context });
    } catch (error) {
      if (ending.signal.reason === BACK && !signal.aborted) return BACK;
      const { name } = error as Error;
      if (name === 'AbortPromptError' || name === 'ExitPromptError') throw new WizardInterrupted();
      throw error;
    } finally {
      stopWatching();
    }
  };

  return {
    select: ({ message, options, preselected, ...remarks }) =>
      ask(({ prompts, theme, columns, context }) => {
        const [first = '', ...rest] = messageLines(message, columns);
        const title = [first, ...rest].map((line) => paint.bold(line));
        const chosen = preselected ?? options.find(({ disabled }) => disabled === undefined)?.value;
        const config = {
          message: [...title, ...remarkLines(remarks, paint, columns)].join('\n'),
          choices: layOutOptions(options, paint, columns),
          theme,
          loop: false,
          pageSize: 12,
        };
        return prompts.select(chosen === undefined ? config : { ...config, default: chosen }, context);
      }),

    input: ({ message, offered, judge }) =>
      ask(({ prompts, theme, context }) => {
        const config = {
          message: paint.bold(message),
          validate: async (text: string) => (await judge(text)) ?? true,
          theme,
        };
        return prompts.input(offered === undefined ? config : { ...config, default: offered }, context);
      }),

    keys: async ({ message, value, options, ...remarks }) => {
      const { keys } = messages.wizard;
      const defaultKey = options[0]!.key;
      const hint = `(${options.map(({ key, name }) => keys.letter(key, name, key === defaultKey)).join(' · ')})`;
      const letter = await ask(({ prompts, theme, columns, context }) => {
        const line = keysMessage(message, value, hint, paint, columns);
        const below = remarkLines(remarks, paint, columns);
        const config = { message: line, choices: options, defaultKey, unknown: keys.unknown, remarks: below, theme };
        return prompts.keysPrompt(config, context);
      });
      return letter === BACK ? BACK : options.find(({ key }) => key === letter)!.value;
    },
  };
}

/** A question of yes or no outside the wizard; Escape is a no. Throws WizardInterrupted. */
export async function confirm(message: string, otherwise: boolean, session: Session): Promise<boolean> {
  const { yes, no } = session.messages.wizard.keys;
  const options = [
    { key: 'y', name: yes, value: true },
    { key: 'n', name: no, value: false },
  ];
  const prompter = createPrompter(session, new AbortController().signal);
  const answer = await prompter.keys({ message, options: otherwise ? options : options.reverse() });
  return answer === BACK ? false : answer;
}
