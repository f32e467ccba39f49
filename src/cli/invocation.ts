/** From the command line to what is to be done. */
import { type Command, CommanderError } from 'commander';
import type { Problem } from '../setup/answers/problems.ts';
import { closest } from '../setup/answers/suggest.ts';
import type { Flags } from './flags.ts';
import type { Messages } from './messages/en.ts';
import { type CommandName, createProgram } from './program.ts';

/** What the command line asks for. */
export type Invocation =
  | { command: CommandName; flags: Flags; words: string[]; problems: Problem[] }
  /** Help or version: the text is the whole answer. */
  | { command: 'print'; text: string };

/** Every long flag of a command. */
function longFlags(command: Command): string[] {
  return command.options.map(({ long }) => long ?? '').filter((flag) => flag !== '');
}

function unknownFlag(subject: string, command: Command): Problem {
  const suggestion = closest(subject, longFlags(command));
  return { subject, flag: subject, rule: { code: 'unknown-flag', ...(suggestion !== undefined && { suggestion }) } };
}

/** The words that are left when all known flags are taken out, and the problems with them. */
function sortWords(name: string, command: Command): { words: string[]; problems: Problem[] } {
  // The daemon reads its own.
  if (name === 'relay') return { words: command.args, problems: [] };
  const unknown = command.args.filter((word) => /^-./.test(word));
  if (unknown.length > 0) {
    // Further words may be those flags' values, so only the flags are to blame.
    return { words: [], problems: unknown.map((word) => unknownFlag(word.split('=')[0]!, command)) };
  }
  const [first, ...rest] = command.args;
  const extra = name === 'probe' ? rest : command.args;
  const problems: Problem[] = [];
  if (name === 'setup' && command.parent === null && first !== undefined) {
    const suggestion = closest(first, [...command.commands.map((known) => known.name()), 'help']);
    problems.push({
      subject: first,
      rule: { code: 'unknown-command', ...(suggestion !== undefined && { suggestion }) },
    });
  } else {
    problems.push(...extra.map((subject): Problem => ({ subject, rule: { code: 'unknown-argument' } })));
  }
  return { words: command.args, problems };
}

/** The flags of a command, with those that were given before its name. */
function mergeFlags(command: Command): { flags: Flags; problems: Problem[] } {
  const own = command.opts<Flags>();
  const before = command.parent?.opts<Flags>() ?? {};
  const known = new Set(command.options.map((option) => option.attributeName()));
  const misplaced = (command.parent?.options ?? []).filter((option) => {
    const name = option.attributeName();
    return before[name] !== undefined && !(option.negate && before[name]) && !known.has(name);
  });
  const flags: Flags = { ...before, ...own };
  // What --no-… switches off is on by default, which must not hide that it was switched off before the name.
  for (const option of command.options.filter(({ negate }) => negate)) {
    const name = option.attributeName();
    flags[name] = before[name] !== false && own[name] !== false;
  }
  return { flags, problems: misplaced.map((option) => unknownFlag(option.long ?? option.flags, command)) };
}

/** Reads the command line (without node and script). Never prints. */
export function readCommandLine(argv: readonly string[], messages: Messages): Invocation {
  let invocation: Invocation | undefined;
  let text = '';
  const program = createProgram(messages, (name, command) => {
    const { flags, problems } = mergeFlags(command);
    const sorted = sortWords(name, command);
    invocation = {
      command: name,
      flags,
      words: sorted.words,
      problems: [...sorted.problems, ...problems],
    };
  });
  const write = (part: string) => {
    text += part;
  };
  for (const command of [program, ...program.commands]) command.configureOutput({ writeOut: write, writeErr: write });
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode !== 0) throw error;
    return { command: 'print', text: text.trimEnd() };
  }
  return invocation ?? { command: 'print', text: text.trimEnd() };
}
