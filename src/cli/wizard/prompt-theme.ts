/** How prompts look: the colours of the rest of the program, and nothing said by colour alone. */
import type { ChalkInstance } from 'chalk';
import type { Messages } from '../messages/en.ts';
import { errorText } from './prompt-layout.ts';

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** The theme of all prompts. Messages come painted. */
export function promptTheme(paint: ChalkInstance, { wizard }: Messages, columns: number) {
  return {
    prefix: { idle: paint.cyan('?'), done: paint.green('✔') },
    spinner: { interval: 80, frames: SPINNER.map((frame) => paint.cyan(frame)) },
    icon: { cursor: '❯' },
    // Letters are for typing; those of an editor would surprise.
    keybindings: [],
    i18n: { disabledError: wizard.keys.disabled },
    style: {
      answer: (text: string) => paint.cyan(text),
      message: (text: string) => text,
      error: (text: string) => paint.red(errorText(text, columns)),
      defaultAnswer: (text: string) => paint.dim(text),
      help: (text: string) => paint.dim(text),
      highlight: (text: string) => paint.cyan(text),
      key: (text: string) => paint.cyan(text),
      disabled: (text: string) => paint.dim(text),
      description: (text: string) => paint.dim(`  ${text}`),
      keysHelpTip: () => paint.dim(`  ${wizard.keys.select}`),
    },
  };
}
