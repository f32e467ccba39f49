import { describe, expect, it } from 'vitest';
import { readCommandLine } from '../../src/cli/invocation.ts';
import { chooseLanguage, languageProblems } from '../../src/cli/language.ts';
import { en } from '../../src/cli/messages/en.ts';
import { zh } from '../../src/cli/messages/zh.ts';
import { addEnvironmentSwitches } from '../../src/cli/switches.ts';
import { questionKeys, questions } from '../../src/setup/answers/questions.ts';

const read = (...argv: string[]) => {
  const invocation = readCommandLine(argv, en);
  if (invocation.command === 'print') throw new Error(invocation.text);
  return invocation;
};
/** The problems of a command line as `subject code suggestion`. */
const problems = (...argv: string[]) =>
  read(...argv).problems.map(({ subject, rule }) => {
    const suggestion = 'suggestion' in rule && rule.suggestion ? ` ${rule.suggestion}` : '';
    return `${subject} ${rule.code}${suggestion}`;
  });
const printed = (argv: string[], messages = en) => {
  const invocation = readCommandLine(argv, messages);
  if (invocation.command !== 'print') throw new Error(`not printed, but ${invocation.command}`);
  return invocation.text;
};

describe('help', () => {
  it.each([
    ['setup', 'en', ['--help'], en],
    ['setup', 'zh', ['--help'], zh],
    ['probe', 'en', ['probe', '--help'], en],
    ['probe', 'zh', ['probe', '--help'], zh],
  ])('of %s in %s', async (command, language, argv, messages) => {
    await expect(`${printed(argv, messages)}\n`).toMatchFileSnapshot(`./golden/help-${command}-${language}.txt`);
  });

  it('is the same by every way of asking', () => {
    expect(printed(['-h'])).toBe(printed(['--help']));
    expect(printed(['help'])).toBe(printed(['--help']));
    expect(printed(['help', 'probe'])).toBe(printed(['probe', '-h']));
    expect(printed(['help', 'relay'])).toContain('-certmode <mode>');
    expect(printed(['setup', '--help'])).toContain('--derp-port <port>');
  });

  it('leads with examples', () => {
    expect(printed(['--help']).indexOf('Examples:')).toBeLessThan(printed(['--help']).indexOf('Usage:'));
  });

  it('explains every flag of the table of questions', () => {
    const text = printed(['--help']);
    for (const key of questionKeys) expect(text).toContain(`  ${questions[key].flag} <`);
  });

  it('gives the version alone', () => {
    expect(printed(['--version'])).toBe('0.0.0-test');
    expect(printed(['-V'])).toBe('0.0.0-test');
  });
});

describe('the command line', () => {
  it('sets up when it names no command', () => {
    expect(read()).toMatchObject({ command: 'setup', words: [], problems: [] });
    expect(read('setup')).toMatchObject({ command: 'setup', words: [], problems: [] });
    expect(read('--derp-port', '1')).toMatchObject({ command: 'setup', flags: { derpPort: '1' }, problems: [] });
    expect(read('setup', '--derp-port=1')).toMatchObject({ flags: { derpPort: '1' }, problems: [] });
  });

  it('takes flags before the command too', () => {
    expect(read('--json', '--host', 'a', 'setup', '--once').flags).toMatchObject({ json: true, host: 'a', once: true });
    expect(read('--derp-port', '1', 'probe', 'x')).toMatchObject({ command: 'probe', flags: { derpPort: '1' } });
    expect(read('--no-color', 'probe', 'x').flags.color).toBe(false);
    expect(read('probe', 'x').flags.color).toBe(true);
  });

  it('reads -1 as a value, and a flag behind a flag as a missing value', () => {
    expect(read('--stun-port', '-1', '--once').flags).toMatchObject({ stunPort: '-1', once: true });
    expect(read('--stun-port', '--once').flags).toMatchObject({ stunPort: true, once: true });
    expect(read('--stun-port').flags).toMatchObject({ stunPort: true });
  });

  it('takes the last of a repeated flag', () => {
    expect(read('--host', 'a', '--host', 'b').flags.host).toBe('b');
  });

  it.each([
    [['--derp-prot', '1'], ['--derp-prot unknown-flag --derp-port']],
    [
      ['--derp-prot=1', '--frob', '-x'],
      ['--derp-prot unknown-flag --derp-port', '--frob unknown-flag', '-x unknown-flag'],
    ],
    [['setup', '--verfy=none'], ['--verfy unknown-flag --verify']],
    [['prob', 'host'], ['prob unknown-command probe']],
    [['frobnicate'], ['frobnicate unknown-command']],
    [
      ['setup', 'x', 'y'],
      ['x unknown-argument', 'y unknown-argument'],
    ],
    [['probe', 'x', 'y'], ['y unknown-argument']],
    [['probe', 'x', '--once'], ['--once unknown-flag']],
    [['--host', 'a', 'probe', 'x'], ['--host unknown-flag']],
    [['--emall', 'me@example.com'], ['--emall unknown-flag --email']],
  ])('%j has problems', (argv, expected) => {
    expect(problems(...argv)).toEqual(expected);
  });

  it('passes on the words of relay as they are', () => {
    const words = ['-a', ':443', '-stun=false', '--help', '-h', '--json', '--', 'x'];
    expect(read('relay', ...words)).toMatchObject({ command: 'relay', words, problems: [] });
    expect(problems('--json', 'relay', '-a', ':443')).toEqual(['--json unknown-flag']);
  });

  it('knows the words of probe', () => {
    expect(read('probe', 'derp.example.com', '--count', '5')).toMatchObject({
      command: 'probe',
      words: ['derp.example.com'],
      flags: { count: '5' },
      problems: [],
    });
  });
});

describe('the language', () => {
  it.each([
    [['--lang', 'zh'], { LANG: 'en_US.UTF-8' }, 'zh'],
    [['probe', 'x', '--lang=en'], { LANG: 'zh_CN.UTF-8' }, 'en'],
    [[], { DERP_SETUP_LANG: 'zh', LANG: 'en_US.UTF-8' }, 'zh'],
    [[], { LC_ALL: 'zh_CN.UTF-8', LANG: 'en_US.UTF-8' }, 'zh'],
    [[], { LC_MESSAGES: 'zh_TW', LANG: 'C' }, 'zh'],
    [[], { LC_ALL: 'C', LANG: 'zh_CN.UTF-8' }, 'en'],
    [[], { LANG: 'de_DE.UTF-8' }, 'en'],
    [['--lang', 'fr'], { LANG: 'zh_CN.UTF-8' }, 'zh'],
    [['--lang'], { LANG: 'C' }, 'en'],
  ])('%j with %j is %s', (argv, environment, language) => {
    expect(chooseLanguage(argv, environment)).toBe(language);
  });

  it('is a problem when it is none', () => {
    expect(languageProblems('fr', {})).toMatchObject([
      { subject: '--lang', value: 'fr', rule: { code: 'not-one-of' } },
    ]);
    expect(languageProblems(true, {})).toMatchObject([{ subject: '--lang', rule: { code: 'missing-value' } }]);
    expect(languageProblems(undefined, { DERP_SETUP_LANG: 'fr' })).toMatchObject([{ subject: 'DERP_SETUP_LANG' }]);
    expect(languageProblems('en', { DERP_SETUP_LANG: 'fr' })).toEqual([]);
    expect(languageProblems(undefined, { DERP_SETUP_LANG: '' })).toEqual([]);
  });
});

describe('switches in the environment', () => {
  it('are set where no flag is', () => {
    const environment = { DERP_SETUP_YES: '1', DERP_SETUP_JSON: 'True', DERP_SETUP_ONCE: '0', DERP_SETUP_QUIET: '' };
    const { flags, problems } = addEnvironmentSwitches({ once: true, host: 'a' }, environment);
    expect({ flags, problems }).toEqual({ flags: { yes: true, json: true, once: true, host: 'a' }, problems: [] });
  });

  it('are 1 or 0', () => {
    expect(addEnvironmentSwitches({}, { DERP_SETUP_YES: 'maybe' }).problems).toMatchObject([
      { subject: 'DERP_SETUP_YES', flag: '--yes', value: 'maybe', rule: { code: 'not-one-of' } },
    ]);
  });
});
