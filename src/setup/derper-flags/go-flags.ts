/** Command lines as programs written in Go read them, because derper is one: `-flag value`, `-flag=value`, `--flag`. */

/** A switch takes its value behind `=` only. */
export type GoFlagKind = 'switch' | 'value';

/** Something wrong, in the words of a daemon, which speaks English as its log does. */
export interface RelayProblem {
  subject: string;
  message: string;
}

/** The texts of the flags that were given, the last of each. */
export interface GoFlags {
  values: Map<string, string>;
  problems: RelayProblem[];
}

/** Reads a command line. Go stops at the first word that is no flag; here such a word is a problem. */
export function parseGoFlags(argv: readonly string[], kinds: ReadonlyMap<string, GoFlagKind>): GoFlags {
  const values = new Map<string, string>();
  const problems: RelayProblem[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    const match = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(word);
    if (!match) {
      // The classic slip: derper would take everything from here on for nothing.
      const hint = /^(true|false|[tf01])$/i.test(word) ? ' (a switch takes its value behind "=": -stun=false)' : '';
      problems.push({ subject: word, message: `is not a flag${hint}` });
      continue;
    }
    const name = match[1]!;
    const kind = kinds.get(name);
    if (kind === undefined) problems.push({ subject: `-${name}`, message: 'is not a flag; see -help' });
    else if (match[2] !== undefined) values.set(name, match[2]);
    else if (kind === 'switch') values.set(name, 'true');
    else if (i + 1 < argv.length) values.set(name, argv[++i]!);
    else problems.push({ subject: `-${name}`, message: 'needs a value' });
  }
  return { values, problems };
}

/** A switch's value in any of Go's spellings; undefined for anything else. */
export function parseGoBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return undefined;
}

const UNIT_MS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** One part of a duration. Each text fits in one way only, or a long one that does not fit is tried in endless ways. */
const PART = String.raw`(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)`;
const DURATION = new RegExp(`^(?:${PART})+$`);

/** A duration as Go writes it (`2s`, `1m30s`, `300ms`, `0`), in milliseconds; undefined for anything else. */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(new RegExp(PART, 'g'))) {
    total += Number(amount) * UNIT_MS[unit!]!;
  }
  return total;
}
