/** The one place that prints. stdout is the answer, stderr everything else; with --json stdout is one JSON document. */
import { Chalk, type ChalkInstance } from 'chalk';
import type { Ora } from 'ora';
import { lineWidth } from './lines/columns.ts';

/** A stream to print on: process.stdout, process.stderr, or a test's. */
export interface Sink {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

/** How to print. */
export interface OutputOptions {
  stdout: Sink;
  stderr: Sink;
  environment: Record<string, string | undefined>;
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  color: boolean;
}

/** What all commands print with. */
export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Colours for text that goes to stdout. */
  readonly paint: ChalkInstance;
  /** Colours for text that goes to stderr. */
  readonly paintError: ChalkInstance;
  /** A line of the answer; nothing with --json. */
  answer(text: string): void;
  /** A line on the way there; nothing with --quiet. */
  progress(text: string): void;
  /** A line about something wrong; always printed. */
  error(text: string): void;
  /** The answer of --json; nothing otherwise. */
  document(value: object): void;
  /** Columns of the terminal that the answer goes to; undefined where it goes elsewhere, and lines may have any length. */
  readonly width: number | undefined;
  /** Whether stdout is a terminal on which what was shown can be replaced. */
  readonly repaints: boolean;
  /** Shows these lines alone on the terminal, in place of all before; lines of the answer where there is none. */
  repaint(lines: readonly string[]): void;
  /** Shows that something is under way, on a terminal only; a next one, or any line, replaces it. */
  busy(text: string): void;
  /** Ends what `busy` shows. */
  idle(): void;
}

/** What terminals do on these characters (ECMA-48). */
const HOME = '\u001b[H';
const CLEAR_SCREEN = '\u001b[2J';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
/** A line that is too long ends at the edge, and does not push the others down (DECAWM, as in every terminal). */
const NO_WRAP = '\u001b[?7l';
const WRAP = '\u001b[?7h';

function wantsColor(sink: Sink, { environment, color }: OutputOptions): boolean {
  if (!color || environment.NO_COLOR) return false;
  if (environment.FORCE_COLOR && environment.FORCE_COLOR !== '0') return true;
  return sink.isTTY === true && environment.TERM !== 'dumb';
}

/** An output for one run. */
export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, json, quiet, verbose } = options;
  // A terminal that does not know its width (a fresh one of docker or script) says 0, and a line of it never ends.
  const hasWidth = stderr.columns !== undefined && stderr.columns > 0;
  const spins = stderr.isTTY === true && hasWidth && !quiet && options.environment.TERM !== 'dumb';
  const repaints = stdout.isTTY === true && !json && options.environment.TERM !== 'dumb';
  let painted = false;
  let spinner: Ora | undefined;
  let wanted: string | undefined;
  const spin = async () => {
    const { default: ora } = await import('ora');
    // It may be over by the time that the spinner is loaded.
    if (wanted === undefined) return;
    // Ctrl-C is ours to handle, so the spinner must leave the input alone.
    const stream = stderr as NodeJS.WriteStream;
    spinner ??= ora({ stream, discardStdin: false, color: wantsColor(stderr, options) && 'cyan' });
    spinner.text = wanted;
    spinner.start();
  };
  /** The spinner's line must be gone before another line is printed, whichever stream that goes to. */
  const print = (sink: Sink, text: string) => {
    if (spinner?.isSpinning) spinner.clear();
    sink.write(`${text}\n`);
  };
  const answer = (text: string) => {
    if (!json) print(stdout, text);
  };
  return {
    json,
    quiet,
    verbose,
    paint: new Chalk({ level: wantsColor(stdout, options) ? 1 : 0 }),
    paintError: new Chalk({ level: wantsColor(stderr, options) ? 1 : 0 }),
    answer,
    // Looked up each time: people make terminals wider and narrower.
    get width() {
      return stdout.isTTY === true ? lineWidth(stdout.columns) : undefined;
    },
    repaints,
    repaint: (lines) => {
      if (!repaints) {
        for (const line of lines) answer(line);
        return;
      }
      // More lines than there are rows would scroll, and what was painted before with them.
      const fitting = stdout.rows ? lines.slice(0, stdout.rows - 1) : lines;
      const text = fitting.map((line) => `${line}${CLEAR_LINE}\n`).join('');
      stdout.write(`${NO_WRAP}${painted ? HOME : CLEAR_SCREEN + HOME}${text}${CLEAR_BELOW}${WRAP}`);
      painted = true;
    },
    progress: (text) => {
      if (!quiet) print(stderr, text);
    },
    error: (text) => print(stderr, text),
    document: (value) => {
      if (json) print(stdout, JSON.stringify(value, null, 2));
    },
    busy: (text) => {
      wanted = text;
      if (spins) void spin();
    },
    idle: () => {
      wanted = undefined;
      spinner?.stop();
    },
  };
}
