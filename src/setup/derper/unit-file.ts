/** What a service's file says that matters for taking derper over, from its text and its drop-ins' (systemd.service(5)). */
import { splitUnitCommands, splitUnitWords } from './unit-words.ts';

/** The settings of one service. */
export interface ServiceSettings {
  /** The words of each ExecStart command, without systemd's prefixes; specifiers and variables not put in yet. */
  commands: string[][];
  environment: Record<string, string>;
  environmentFiles: string[];
  workingDirectory: string | undefined;
  user: string | undefined;
}

/** The assignments of [Service]: comments left out, lines that end in a backslash joined with the next. */
function assignments(text: string): [string, string][] {
  const found: [string, string][] = [];
  let section = '';
  let begun = '';
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    // Comments may stand between the parts of a line that goes on.
    if (/^[#;]/.test(line)) continue;
    if (line.endsWith('\\')) {
      begun += `${line.slice(0, -1)} `;
      continue;
    }
    const whole = (begun + line).trim();
    begun = '';
    const header = /^\[(.*)\]$/.exec(whole);
    const at = whole.indexOf('=');
    if (header) section = header[1]!;
    else if (section === 'Service' && at > 0) found.push([whole.slice(0, at).trim(), whole.slice(at + 1).trim()]);
  }
  return found;
}

/** Takes systemd's prefixes off a command; behind `@`, the second word is only the name that the program is told. */
function withoutPrefixes([program = '', ...rest]: readonly string[]): string[] {
  const [prefixes] = /^[-@:+!|]*/.exec(program)!;
  return [program.slice(prefixes.length), ...(prefixes.includes('@') ? rest.slice(1) : rest)];
}

function parseAssignments(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.flatMap((word): [string, string][] => {
      const at = word.indexOf('=');
      return at > 0 ? [[word.slice(0, at), word.slice(at + 1)]] : [];
    }),
  );
}

/** Reads a service. An empty assignment takes back what came before it, as drop-ins do. */
export function parseService(texts: readonly string[]): ServiceSettings {
  const settings: ServiceSettings = {
    commands: [],
    environment: {},
    environmentFiles: [],
    workingDirectory: undefined,
    user: undefined,
  };
  for (const [key, value] of texts.flatMap(assignments)) {
    switch (key) {
      case 'ExecStart':
        if (value === '') settings.commands = [];
        else settings.commands.push(...(splitUnitCommands(value) ?? []).map(withoutPrefixes));
        break;
      case 'Environment':
        if (value === '') settings.environment = {};
        else Object.assign(settings.environment, parseAssignments(splitUnitWords(value)));
        break;
      case 'EnvironmentFile':
        if (value === '') settings.environmentFiles = [];
        // A hyphen says that the file may be missing.
        else settings.environmentFiles.push(value.replace(/^-/, ''));
        break;
      case 'WorkingDirectory':
        settings.workingDirectory = value.replace(/^-/, '') || undefined;
        break;
      case 'User':
        settings.user = value || undefined;
        break;
    }
  }
  return settings;
}

/** The variables of an EnvironmentFile: one assignment a line, quotes around values taken off. */
export function parseEnvironmentFile(text: string): Record<string, string> {
  const joined = text.replace(/\\\n/g, '');
  const lines = joined.split('\n').map((line) => line.trim());
  return Object.fromEntries(
    lines.flatMap((line): [string, string][] => {
      const match = /^([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/.exec(line);
      if (!match) return [];
      const [, name, value] = match;
      const quoted =
        /^"((?:[^"\\]|\\.)*)"$/.exec(value!)?.[1]?.replace(/\\(.)/g, '$1') ?? /^'([^']*)'$/.exec(value!)?.[1];
      return [[name!, quoted ?? value!]];
    }),
  );
}

/** What specifiers stand for. */
export interface SpecifierFacts {
  unit: string;
  machineName: string;
  home: string;
}

/** Puts in the specifiers that a relay's command may have, such as `%i` of `derper@name.service`; others stay. */
export function expandSpecifiers(word: string, { unit, machineName, home }: SpecifierFacts): string {
  const name = unit.replace(/\.service$/, '');
  const [prefix = '', instance = ''] = name.split('@');
  const values: Record<string, string> = {
    '%': '%',
    n: unit,
    N: name,
    p: prefix,
    i: instance,
    I: instance.replaceAll('-', '/').replace(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number(`0x${hex}`))),
    H: machineName,
    h: home,
    S: '/var/lib',
    C: '/var/cache',
    L: '/var/log',
    E: '/etc',
    t: '/run',
    T: '/tmp',
    V: '/var/tmp',
  };
  return word.replace(/%(.)/g, (whole, letter: string) => values[letter] ?? whole);
}
