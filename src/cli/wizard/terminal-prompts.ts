/** The prompts as they are drawn on the terminal, loaded only when somebody is asked something. */
import { input, select } from '@inquirer/prompts';
import { keysPrompt } from './keys-prompt.ts';

export { input, keysPrompt, select };
