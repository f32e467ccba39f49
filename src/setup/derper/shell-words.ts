/**
 * Command lines as a shell reads them, for `sh -c "…"` in units and images: words, quotes, variables, and the operators
 * between commands. What only a running shell can know, such as `$(…)`, stays as it is written.
 */

/** Characters that end a command; redirections end its arguments. */
const OPERATOR = /^(?:&&|\|\||[;&|\n]|\d*[<>]+&?)/;

/** `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`. */
const VARIABLE = /^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\})/;

/** A shell's words so far. */
class Words {
  readonly commands: string[][] = [[]];
  #word: string | undefined;

  get begun(): boolean {
    return this.#word !== undefined;
  }

  add(text: string): void {
    this.#word = (this.#word ?? '') + text;
  }

  /** Text from a variable outside quotes: white space in it divides words, and an empty one makes none. */
  addDivided(text: string): void {
    const parts = text.split(/\s+/);
    parts.forEach((part, at) => {
      if (at > 0) this.finish();
      if (part !== '') this.add(part);
    });
  }

  finish(): void {
    if (this.#word !== undefined) this.commands.at(-1)!.push(this.#word);
    this.#word = undefined;
  }

  nextCommand(): void {
    this.finish();
    this.commands.push([]);
  }
}

/** The commands of a shell's text, each as its words. */
export function splitShellCommands(text: string, environment: Record<string, string>): string[][] {
  const words = new Words();
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const rest = text.slice(at);
    const character = text[at]!;
    const variable = quote === "'" ? null : VARIABLE.exec(rest);
    const operator = quote === '' ? OPERATOR.exec(rest) : null;
    if (quote !== '' && character === quote) {
      quote = '';
    } else if (quote === '' && (character === '"' || character === "'")) {
      quote = character;
      words.add('');
    } else if (character === '\\' && quote !== "'") {
      // A line that goes on; otherwise the next character as it is.
      if (text[at + 1] !== '\n') words.add(text[at + 1] ?? '');
      at++;
    } else if (variable) {
      const [whole, plain, braced, fallback = ''] = variable;
      const value = environment[plain ?? braced!] || fallback;
      if (quote === '') words.addDivided(value);
      else words.add(value);
      at += whole.length - 1;
    } else if (operator && !(words.begun && /^\d/.test(operator[0]))) {
      words.nextCommand();
      at += operator[0].length - 1;
    } else if (quote === '' && /\s/.test(character)) {
      words.finish();
    } else {
      words.add(character);
    }
  }
  words.finish();
  return words.commands.filter((command) => command.length > 0);
}
