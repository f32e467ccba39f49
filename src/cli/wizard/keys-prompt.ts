/** A prompt that is answered with Enter or with one of a few letters. */
import { createPrompt, isEnterKey, makeTheme, type Theme, useKeypress, usePrefix, useState } from '@inquirer/core';

/** What the prompt shows, and what it takes. */
export interface KeysConfig {
  /** The question with what the letters mean, painted. */
  message: string;
  /** Letters with the words that they stand for. */
  choices: readonly { key: string; name: string }[];
  /** The letter that Enter alone stands for. */
  defaultKey: string;
  /** Said about a text that is none of the letters. */
  unknown(text: string): string;
  /** Lines below the question. */
  remarks: readonly string[];
  theme: Partial<Theme>;
}

/** Asks for one of the letters; the beginning of a word will do too, as in "yes". */
export const keysPrompt = createPrompt<string, KeysConfig>((config, done) => {
  const { message, choices, defaultKey, unknown, remarks } = config;
  const theme = makeTheme<object>(config.theme);
  const [typed, setTyped] = useState('');
  const [error, setError] = useState('');
  const prefix = usePrefix({ status: 'idle', theme });
  const find = (text: string) => {
    const word = text.trim().toLowerCase() || defaultKey;
    return choices.find(({ key, name }) => key === word || name.toLowerCase().startsWith(word));
  };
  useKeypress((key, readline) => {
    if (isEnterKey(key)) {
      const choice = find(typed);
      if (choice) done(choice.key);
      else setError(unknown(typed.trim()));
      setTyped('');
      return;
    }
    // There is nothing to complete.
    if (key.name === 'tab') readline.clearLine(0);
    setError('');
    setTyped(readline.line);
  });
  const choice = typed.trim() === '' ? undefined : find(typed);
  const below = error === '' ? (choice ? [theme.style.help(`→ ${choice.name}`)] : []) : [theme.style.error(error)];
  return [`${prefix} ${message} ${typed}`, [...remarks, ...below].join('\n')];
});
