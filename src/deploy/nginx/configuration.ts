/** An nginx configuration as one tree: what files include stands where it is included. */
import { posix } from 'node:path';
import { type Directive, parseDirectives } from './directives.ts';

/** A file of the configuration, by the name under which nginx reads it. */
export interface ConfigurationFile {
  path: string;
  text: string;
}

/** The whole configuration. `include` directives stay in the tree, before what they bring. */
export interface NginxConfiguration {
  main: readonly Directive[];
  /** The first file, which includes the others. */
  mainFile: string;
  /** Where relative paths begin. */
  prefix: string;
}

/** An include of an include of an include … is a loop. */
const DEEPEST_INCLUDE = 32;

/** A pattern of `include`, with `*`, `?` and `[…]`, as a regular expression. Source: glob(7). */
export function globExpression(pattern: string): RegExp {
  const source = pattern.replace(/\[!?[^\]]+\]|[\s\S]/g, (part) => {
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    if (part.length > 2) return part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    return /[\w/-]/.test(part) ? part : `\\${part}`;
  });
  return new RegExp(`^${source}$`, 'u');
}

/** Where an `include` leads: an absolute path or pattern. */
export function includedPattern(directive: Directive, prefix: string): string {
  return posix.resolve(prefix, directive.args[0] ?? '');
}

/**
 * Puts the files together, the first being the main one. Files that nothing includes are left out.
 * @throws NginxSyntaxError
 */
export function readConfiguration(files: readonly ConfigurationFile[]): NginxConfiguration {
  const [first] = files;
  const mainFile = first?.path ?? '';
  const prefix = posix.dirname(mainFile);
  const parsed = new Map<string, Directive[]>();
  const parse = ({ path, text }: ConfigurationFile) => {
    const known = parsed.get(path) ?? parseDirectives(text, path);
    parsed.set(path, known);
    return known;
  };
  const expand = (directives: readonly Directive[], depth: number): Directive[] =>
    directives.flatMap((directive) => {
      if (directive.block !== undefined) return [{ ...directive, block: expand(directive.block, depth) }];
      if (directive.name !== 'include' || depth > DEEPEST_INCLUDE) return [directive];
      const expression = globExpression(includedPattern(directive, prefix));
      const included = files.filter(({ path }) => expression.test(path)).sort((a, b) => (a.path < b.path ? -1 : 1));
      return [directive, ...included.flatMap((file) => expand(parse(file), depth + 1))];
    });
  return { main: first === undefined ? [] : expand(parse(first), 0), mainFile, prefix };
}

/** The directives of that name in a list. */
export function named(directives: readonly Directive[] | undefined, name: string): Directive[] {
  return (directives ?? []).filter((directive) => directive.name === name);
}

/** The first block of that name, such as `http`. */
export function blockOf(directives: readonly Directive[], name: string): Directive | undefined {
  return directives.find((directive) => directive.name === name && directive.block !== undefined);
}

/** A directive of that name at any depth. */
export function findDeep(
  directives: readonly Directive[],
  matches: (directive: Directive) => boolean,
): Directive | undefined {
  for (const directive of directives) {
    const found = matches(directive) ? directive : findDeep(directive.block ?? [], matches);
    if (found !== undefined) return found;
  }
  return undefined;
}
