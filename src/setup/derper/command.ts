/** Where in a command line derper itself is started, behind shells and other programs that only start another. */
import { basename } from 'node:path';
import { isDerperProgram } from '../../system/derper-process.ts';
import { splitShellCommands } from './shell-words.ts';

/** Whether a text names derper; `derperer` is another program. */
export function mentionsDerper(text: string): boolean {
  return /(^|[^a-z])derper([^a-z]|$)/i.test(text);
}

const SHELLS = new Set(['sh', 'bash', 'dash', 'ash', 'zsh', 'busybox']);

/** Programs whose later arguments are a command line. In any other program's, `derper` may be a name of something. */
const STARTERS = new Set([
  'env',
  'exec',
  'nohup',
  'nice',
  'ionice',
  'chrt',
  'taskset',
  'numactl',
  'setsid',
  'stdbuf',
  'timeout',
  'sudo',
  'runuser',
  'setpriv',
  'capsh',
  'gosu',
  'su-exec',
  'tini',
  'dumb-init',
  'catatonit',
]);

/** Starters whose first argument is a user; a user may well be called derper. */
const USER_FIRST = new Set(['gosu', 'su-exec']);
const USER_OPTION = /^(-[ugU]|--user|--group|--reuid|--regid)$/;

function starts(word: string): boolean {
  return STARTERS.has(basename(word));
}

/** The text behind `-c` (or `-lc`, `-ec`, …) of a shell. */
function shellText(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => /^-[a-z]*c$/.test(word));
  return SHELLS.has(basename(words[0] ?? '')) && at > 0 ? words[at + 1] : undefined;
}

/** The part of a command line that starts derper, program first; undefined if it does not. */
export function findDerperCommand(words: readonly string[], environment: Record<string, string>): string[] | undefined {
  const [program = ''] = words;
  if (isDerperProgram(program)) return [...words];
  const text = shellText(words);
  if (text !== undefined) {
    const commands = splitShellCommands(text, environment);
    return commands.map((command) => findDerperCommand(command, environment)).find((found) => found !== undefined);
  }
  if (!starts(program)) return undefined;
  for (let at = USER_FIRST.has(basename(program)) ? 2 : 1; at < words.length; at++) {
    const inner = words.slice(at);
    // An assignment, as in `env HOME=/var/lib/derper …`, or a user's name.
    if (inner[0]!.includes('=') || USER_OPTION.test(words[at - 1]!)) continue;
    if (isDerperProgram(inner[0]!) || starts(inner[0]!) || shellText(inner) !== undefined) {
      return findDerperCommand(inner, environment);
    }
  }
  return undefined;
}
