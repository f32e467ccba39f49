/**
 * nginx's configuration language as directives that know where in their file they stand, so that single ones can be
 * changed and everything else stays byte for byte. Source: nginx, src/core/ngx_conf_file.c (ngx_conf_read_token).
 */

/** A directive, simple or with a block. Offsets are those of JavaScript strings. */
export interface Directive {
  name: string;
  /** The words behind the name, without their quotes. */
  args: readonly string[];
  file: string;
  /** Where the name begins. */
  start: number;
  /** Behind the semicolon, or behind the closing brace. */
  end: number;
  /** Counted from 1. */
  line: number;
  /** What is between the braces; undefined for a simple directive. */
  block?: readonly Directive[];
  /** A block in another language, Lua, which was skipped. */
  foreign?: true;
}

/** Thrown for a text that is not nginx's language, as far as it is understood here. */
export class NginxSyntaxError extends Error {
  override readonly name = 'NginxSyntaxError';
  readonly file: string;
  readonly line: number;

  constructor(file: string, line: number, problem: string) {
    super(`${file}:${line}: ${problem}`);
    this.file = file;
    this.line = line;
  }
}

type Token =
  | { kind: 'word'; text: string; start: number; end: number }
  | { kind: ';' | '{' | '}'; start: number; end: number };

const SPACE = /\s/;

/** Blocks that hold Lua: their braces are not nginx's. Source: openresty/lua-nginx-module. */
const FOREIGN_BLOCK = /_by_lua_block$/;

/** Deeper nesting is no configuration that nginx would take either. */
const DEEPEST = 64;

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** A word as nginx takes it: other backslashes stay, for expressions. */
const unescaped = (text: string) => text.replace(/\\(["'\\])/g, '$1');

/** Reads one token after the other. */
class Tokens {
  readonly #text: string;
  readonly #file: string;
  #at = 0;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  fail(offset: number, problem: string): NginxSyntaxError {
    return new NginxSyntaxError(this.#file, lineAt(this.#text, offset), problem);
  }

  next(): Token | undefined {
    this.#skipSpace();
    const text = this.#text;
    const start = this.#at;
    const first = text[start];
    if (first === undefined) return undefined;
    if (first === ';' || first === '{' || first === '}') {
      this.#at++;
      return { kind: first, start, end: this.#at };
    }
    return first === '"' || first === "'" ? this.#quoted(first, start) : this.#plain(start);
  }

  #skipSpace(): void {
    const text = this.#text;
    for (;;) {
      while (this.#at < text.length && SPACE.test(text[this.#at]!)) this.#at++;
      if (text[this.#at] !== '#') return;
      const end = text.indexOf('\n', this.#at);
      this.#at = end < 0 ? text.length : end;
    }
  }

  #quoted(quote: string, start: number): Token {
    const text = this.#text;
    for (let at = start + 1; at < text.length; at++) {
      if (text[at] === quote) {
        this.#at = at + 1;
        const after = text[this.#at];
        if (after !== undefined && !SPACE.test(after) && !';{)'.includes(after)) {
          throw this.fail(start, 'a quoted word is followed by another one without a space');
        }
        return { kind: 'word', text: unescaped(text.slice(start + 1, at)), start, end: this.#at };
      }
      if (text[at] === '\\' && at + 1 < text.length) at++;
    }
    throw this.fail(start, 'a quoted word has no end');
  }

  #plain(start: number): Token {
    const text = this.#text;
    let at = start;
    for (; at < text.length; at++) {
      const letter = text[at]!;
      // `${name}` is a variable, not the beginning of a block; what is behind a backslash ends nothing.
      if ((letter === '\\' && at + 1 < text.length) || (letter === '$' && text[at + 1] === '{')) at++;
      else if (SPACE.test(letter) || letter === ';' || letter === '{') break;
    }
    this.#at = at;
    return { kind: 'word', text: unescaped(text.slice(start, at)), start, end: at };
  }

  /** Skips a block of Lua, whose opening brace has been read. */
  skipForeign(start: number): number {
    const text = this.#text;
    for (let depth = 1; this.#at < text.length; ) {
      const rest = text.slice(this.#at, this.#at + 2);
      const letter = rest[0];
      if (rest === '--') this.#skipLuaComment();
      else if (/^\[=*\[/.test(text.slice(this.#at, this.#at + 16))) this.#skipLong();
      else if (letter === '"' || letter === "'") this.#skipLuaString(letter);
      else {
        this.#at++;
        if (letter === '{') depth++;
        if (letter === '}' && --depth === 0) return this.#at;
      }
    }
    throw this.fail(start, 'a block of Lua has no end');
  }

  #skipLuaComment(): void {
    this.#at += 2;
    if (/^\[=*\[/.test(this.#text.slice(this.#at, this.#at + 16))) this.#skipLong();
    else {
      const end = this.#text.indexOf('\n', this.#at);
      this.#at = end < 0 ? this.#text.length : end;
    }
  }

  #skipLong(): void {
    const level = this.#text.indexOf('[', this.#at + 1) - this.#at - 1;
    const end = this.#text.indexOf(`]${'='.repeat(level)}]`, this.#at);
    this.#at = end < 0 ? this.#text.length : end + level + 2;
  }

  #skipLuaString(quote: string): void {
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      if (this.#text[this.#at] === '\\') this.#at++;
      else if (this.#text[this.#at] === quote) break;
    }
    this.#at++;
  }
}

/** The directives of one file. @throws NginxSyntaxError */
export function parseDirectives(text: string, file: string): Directive[] {
  const tokens = new Tokens(text, file);
  const read = (depth: number, opened: number | undefined): { directives: Directive[]; end: number } => {
    if (depth > DEEPEST) throw tokens.fail(opened ?? 0, 'blocks are nested too deeply');
    const directives: Directive[] = [];
    let words: (Token & { kind: 'word' })[] = [];
    for (let token = tokens.next(); ; token = tokens.next()) {
      if (token === undefined) {
        if (opened !== undefined || words.length > 0) {
          throw tokens.fail(words[0]?.start ?? opened ?? 0, 'the file ends in the middle of this');
        }
        return { directives, end: text.length };
      }
      if (token.kind === 'word') {
        words.push(token);
        continue;
      }
      const [first, ...rest] = words;
      if (token.kind === '}') {
        if (opened === undefined || first !== undefined) throw tokens.fail(token.start, 'unexpected "}"');
        return { directives, end: token.end };
      }
      if (first === undefined) throw tokens.fail(token.start, `unexpected "${token.kind}"`);
      const { start } = first;
      const known = { name: first.text, args: rest.map((word) => word.text), file, start, line: lineAt(text, start) };
      words = [];
      if (token.kind === ';') directives.push({ ...known, end: token.end });
      else if (FOREIGN_BLOCK.test(first.text)) {
        directives.push({ ...known, end: tokens.skipForeign(start), block: [], foreign: true });
      } else {
        const { directives: block, end } = read(depth + 1, start);
        directives.push({ ...known, end, block });
      }
    }
  };
  return read(0, undefined).directives;
}
