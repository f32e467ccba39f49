/** Words of a line in a unit file, by systemd's rules for quotes, escapes and variables (systemd.syntax(7), systemd.service(5)). */

const SIMPLE_ESCAPES: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  s: ' ',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

/** `\x2f`, `\057`, `/`, `\U0000002f`, behind the backslash. */
const NUMBER_ESCAPE = /^(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/;

/** What an escape stands for, and its length without the backslash; one that systemd does not know stays as it is. */
function readEscape(rest: string): { text: string; length: number } {
  const simple = SIMPLE_ESCAPES[rest[0] ?? ''];
  if (simple !== undefined) return { text: simple, length: 1 };
  const match = NUMBER_ESCAPE.exec(rest);
  if (!match) return { text: `\\${rest[0] ?? ''}`, length: Math.min(rest.length, 1) };
  const [whole, hex, octal, short, long] = match;
  const code = octal === undefined ? Number.parseInt(hex ?? short ?? long!, 16) : Number.parseInt(octal, 8);
  return { text: code <= 0x10_ff_ff ? String.fromCodePoint(code) : `\\${whole}`, length: whole.length };
}

/**
 * The words of a line, in one list for each command: a `;` that stands alone and bare begins another. Undefined for a
 * line that systemd would refuse, because a quote is not closed.
 */
export function splitUnitCommands(line: string): string[][] | undefined {
  const commands: string[][] = [[]];
  let word: string | undefined;
  let quote = '';
  const finish = () => {
    if (word !== undefined) commands.at(-1)!.push(word);
    word = undefined;
  };
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    if (character === '\\') {
      const bareSemicolon = word === undefined && /^;(\s|$)/.test(line.slice(at + 1));
      const { text, length } = bareSemicolon ? { text: ';', length: 1 } : readEscape(line.slice(at + 1));
      word = (word ?? '') + text;
      at += length;
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      finish();
    } else if (character === ';' && word === undefined && /^(\s|$)/.test(line.slice(at + 1))) {
      commands.push([]);
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quote !== '') return undefined;
  finish();
  return commands.filter((command) => command.length > 0);
}

/** The words of a line as one list; none of a line that systemd would refuse. */
export function splitUnitWords(line: string): string[] {
  return (splitUnitCommands(line) ?? []).flat();
}

/**
 * Puts variables into the words of a command: `${NAME}` anywhere, `$NAME` only as a word of its own, which becomes as
 * many words as its value has, and `$$` for a dollar sign. Variables that are not there are empty.
 */
export function expandUnitVariables(words: readonly string[], environment: Record<string, string>): string[] {
  return words.flatMap((word, at) => {
    // The program itself is taken as it is written.
    if (at === 0) return [word];
    const own = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(word);
    if (own) return splitUnitWords(environment[own[1]!] ?? '');
    return [
      word.replace(/\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (whole, name) =>
        whole === '$$' ? '$' : (environment[name] ?? ''),
      ),
    ];
  });
}
