/** Where in nginx's configuration a file of ours is read: from a folder that is included, or by an `include` of its own. */
import { posix } from 'node:path';
import { globExpression, includedPattern, type NginxConfiguration, named } from './configuration.ts';
import type { Directive } from './directives.ts';
import type { TextChange } from './file-edits.ts';

/** What the file is called. */
export const STREAM_FILE = 'derp-setup-stream.conf';
export const SITES_FILE = 'derp-setup-sites.conf';
export const OUR_FILES: readonly string[] = [STREAM_FILE, SITES_FILE];

/** Where a file of ours goes, and the line that has it read, where no folder does. */
export interface Placement {
  path: string;
  include?: TextChange & { file: string };
}

/** The file in the last folder that is included here, if it is one of the configuration's own. */
function includedPlace(
  directives: readonly Directive[],
  { prefix }: NginxConfiguration,
  directories: ReadonlySet<string>,
): string | undefined {
  const places = named(directives, 'include').flatMap((include) => {
    const pattern = includedPattern(include, prefix);
    const directory = posix.dirname(pattern);
    const path = posix.join(directory, STREAM_FILE);
    // Folders of the distribution's, such as /usr/share/nginx/modules, are not ours to write to.
    const fits = directory.startsWith(`${prefix}/`) && globExpression(pattern).test(path);
    return fits && directories.has(directory) ? [path] : [];
  });
  return places.at(-1);
}

/** Folders that `include` names: which of them are there must be known beforehand. */
export function includeDirectories({ main, prefix }: NginxConfiguration): string[] {
  const all = (directives: readonly Directive[]): string[] =>
    directives.flatMap((directive) => {
      if (directive.block !== undefined) return all(directive.block);
      return directive.name === 'include' ? [posix.dirname(includedPattern(directive, prefix))] : [];
    });
  return [...new Set(all(main))].filter((directory) => !/[*?[]/.test(directory));
}

/** Where the stream server goes: into a `stream` block that is there, or beside the other blocks as one of its own. */
export function placeStream(
  configuration: NginxConfiguration,
  stream: Directive | undefined,
  texts: ReadonlyMap<string, string>,
  directories: ReadonlySet<string>,
): Placement {
  const { main, mainFile, prefix } = configuration;
  const included = includedPlace(stream?.block ?? main, configuration, directories);
  if (included !== undefined) return { path: included };
  const path = posix.join(prefix, STREAM_FILE);
  const file = stream?.file ?? mainFile;
  const text = texts.get(file) ?? '';
  if (stream === undefined) {
    const start = text.length;
    const separate = text === '' || text.endsWith('\n') ? '' : '\n';
    return { path, include: { file, start, end: start, text: `${separate}include ${path};\n` } };
  }
  // Before the closing brace, on a line of its own.
  const brace = stream.end - 1;
  const lineStart = text.lastIndexOf('\n', brace) + 1;
  const isAlone = text.slice(lineStart, brace).trim() === '';
  const start = isAlone ? lineStart : brace;
  return {
    path,
    include: { file, start, end: start, text: isAlone ? `    include ${path};\n` : ` include ${path}; ` },
  };
}
