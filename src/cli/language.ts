/** Which language to speak, settled before anything else, since even the help needs it. */
import type { Problem } from '../setup/answers/problems.ts';
import { en, type Messages } from './messages/en.ts';
import { zh } from './messages/zh.ts';

export const languages = ['en', 'zh'] as const;
export type Language = (typeof languages)[number];

const catalogues: Record<Language, Messages> = { en, zh };

function known(text: string | undefined): Language | undefined {
  return languages.find((language) => language === text);
}

function flagValue(argv: readonly string[]): string | undefined {
  const at = argv.findLastIndex((arg) => arg === '--lang' || arg.startsWith('--lang='));
  return argv[at] === '--lang' ? argv[at + 1] : argv[at]?.slice('--lang='.length);
}

/** The locale, by the variables that POSIX programs read, the first that is set. */
function localeLanguage(environment: Record<string, string | undefined>): Language {
  const locale = environment.LC_ALL || environment.LC_MESSAGES || environment.LANG;
  // Where none is set, as on Windows, the system's own setting counts.
  return (locale || Intl.DateTimeFormat().resolvedOptions().locale).startsWith('zh') ? 'zh' : 'en';
}

/** `--lang`, else `DERP_SETUP_LANG`, else the locale. A value that is no language is judged later, with the other flags. */
export function chooseLanguage(argv: readonly string[], environment: Record<string, string | undefined>): Language {
  return known(flagValue(argv)) ?? known(environment.DERP_SETUP_LANG) ?? localeLanguage(environment);
}

/** What is wrong with a language that was asked for by name. */
export function languageProblems(
  lang: string | boolean | undefined,
  environment: Record<string, string | undefined>,
): Problem[] {
  const variable = 'DERP_SETUP_LANG';
  const value = lang ?? (environment[variable] || undefined);
  if (value === undefined || languages.some((language) => language === value)) return [];
  const blame = { subject: lang === undefined ? variable : '--lang', flag: '--lang' };
  if (typeof value !== 'string') return [{ ...blame, rule: { code: 'missing-value' } }];
  return [{ ...blame, value, rule: { code: 'not-one-of', choices: languages } }];
}

/** The catalogue of a language. */
export function messagesIn(language: Language): Messages {
  return catalogues[language];
}
