/**
 * A terminal on a machine, of a fixed size, in which a program runs while a test looks and types as a person would. tmux
 * in the machine is the terminal: the program's is one of the machine's own, and ends with it.
 */
import { appendFileSync } from 'node:fs';
import type { Finished } from './commands.ts';
import type { RunOptions } from './login.ts';
import { until } from './wait.ts';

/** What a terminal is like; the rest is as when a program is run without one. */
export interface TerminalOptions extends Pick<RunOptions, 'env' | 'node' | 'cwd' | 'user'> {
  /** @default 120 */
  columns?: number;
  /** @default 40 */
  rows?: number;
}

/** What a terminal is made with. */
interface TerminalSetting extends Pick<TerminalOptions, 'columns' | 'rows'> {
  /** Not that of another terminal on the machine. */
  name: string;
  transcriptFile: string;
}

/** Runs a command on the machine, as the user and with the environment that the terminal is to have. */
type Runner = (command: readonly string[]) => Promise<Finished>;

/** Keys by tmux's names for them. */
export type Key =
  | ('Enter' | 'Escape' | 'Tab' | 'BTab' | 'Space' | 'BSpace' | 'Home' | 'End' | 'Up' | 'Down' | 'Left' | 'Right')
  | `C-${string}`;

/** The one window that a terminal has. */
const window = 'main:0';

/**
 * The shell around the program. It notes the program's exit code, or 128 and the number of the signal that ended it: tmux
 * itself tells no signals, and misses the end now and then. Ctrl-C goes to both of them. The program does not learn that
 * the terminal is tmux's, which would be as rare on a server.
 */
const wrapper = `
  trap : INT QUIT
  tmux wait-for -S started
  env -u TMUX -u TMUX_PANE -u TERM_PROGRAM -u TERM_PROGRAM_VERSION sh -c "$1"
  tmux set-option -p @exit-code $?
`;

/** A terminal. Made by `machine.terminal()`. */
export class Terminal {
  /** All that was typed and seen, in order; of use when a test has failed. */
  readonly transcriptFile: string;
  readonly #setting: TerminalSetting;
  readonly #run: Runner;
  #isOpen = false;
  /** Each start has a tmux server of its own, because the one before may still be about to end. */
  #starts = 0;

  constructor(setting: TerminalSetting, run: Runner) {
    this.#setting = setting;
    this.#run = run;
    this.transcriptFile = setting.transcriptFile;
  }

  /** Runs a command line of sh in an empty terminal; the one before, if any, is gone with what it showed. */
  async start(command: string): Promise<void> {
    await this.close();
    this.#starts++;
    this.#note(`$ ${command}`);
    const { columns = 120, rows = 40 } = this.#setting;
    const settings = [
      ...['set-option', '-g', 'status', 'off', ';', 'set-option', '-g', 'history-limit', '20000', ';'],
      ...['set-option', '-g', 'remain-on-exit', 'on', ';', 'set-option', '-g', 'remain-on-exit-format', '', ';'],
      ...['set-option', '-s', 'escape-time', '0', ';', 'set-option', '-g', 'default-terminal', 'tmux-256color', ';'],
    ];
    const session = ['new-session', '-d', '-s', 'main', '-x', String(columns), '-y', String(rows)];
    const program = ['sh', '-c', wrapper, 'sh', command];
    await this.#tmux('-f', '/dev/null', 'start-server', ';', ...settings, ...session, ...program);
    await this.#tmux('wait-for', 'started');
    this.#isOpen = true;
  }

  /** Types text, as it is. */
  async type(text: string): Promise<void> {
    this.#note(`typed: ${text}`);
    await this.#tmux('send-keys', '-t', window, '-l', '--', text);
  }

  /** Presses keys, one after the other. */
  async key(...keys: Key[]): Promise<void> {
    this.#note(`pressed: ${keys.join(' ')}`);
    await this.#tmux('send-keys', '-t', window, ...keys);
  }

  /** What the terminal shows. Long lines that it has broken are whole again; spaces and lines without text at the end are left out. */
  async screen(): Promise<string> {
    return tidy(await this.#tmux('capture-pane', '-p', '-J', '-t', window));
  }

  /** All that it has shown, with what has left the screen at the top. */
  async history(): Promise<string> {
    return tidy(await this.#tmux('capture-pane', '-p', '-J', '-S', '-', '-t', window));
  }

  /**
   * Waits until the screen shows something, and gives the whole screen.
   * @param timeout seconds; 15 unless told
   * @throws when it does not come, at once when the program has ended without it; the message has the screen
   */
  async waitFor(what: string | RegExp, timeout = 15): Promise<string> {
    return await this.#watch(String(what), timeout, async () => {
      // The program may write its last words and end between two looks: so first whether it runs, then the screen.
      const code = await this.#exitCode();
      const screen = await this.screen();
      if (typeof what === 'string' ? screen.includes(what) : what.test(screen)) return screen;
      if (code === undefined) return undefined;
      throw new ProgramEnded(`the program ended with exit code ${code} before it showed ${what}`);
    });
  }

  /**
   * Waits until the program has ended, and gives its exit code; 128 and the signal's number when it was killed.
   * @param timeout seconds; 15 unless told
   */
  async waitForExit(timeout = 15): Promise<number> {
    return await this.#watch('the program to end', timeout, () => this.#exitCode());
  }

  /** Takes the terminal away, as when the connection to a server breaks: what runs in it gets SIGHUP. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // After a reboot there is nothing left to close.
    this.#note(`closed, having shown:\n${await this.history().catch((error: Error) => error.message)}`);
    await this.#run(['tmux', '-L', this.#socket, 'kill-server']);
  }

  /** Notes in the transcript what the terminal shows, for a test that has failed. */
  async keepEvidence(): Promise<void> {
    if (this.#isOpen) this.#note(`the test failed, with this on the screen:\n${await this.screen()}`);
  }

  async #watch<T>(what: string, timeout: number, look: () => Promise<T | undefined>): Promise<T> {
    try {
      const seen = await until(what, { seconds: timeout, isFinal: (error) => error instanceof ProgramEnded }, look);
      this.#note(`waited for ${what}; the screen:\n${await this.screen()}`);
      return seen;
    } catch (error) {
      const screen = await this.screen().catch((failure: Error) => failure.message);
      this.#note(`waited in vain for ${what}; the screen:\n${screen}`);
      throw new Error(`${error instanceof Error ? error.message : error}\n--- the terminal shows ---\n${screen}\n---`);
    }
  }

  /** The exit code of the program, or undefined while it runs. */
  async #exitCode(): Promise<number | undefined> {
    const code = (await this.#tmux('display-message', '-p', '-t', window, '#{@exit-code}')).trim();
    return code === '' ? undefined : Number(code);
  }

  async #tmux(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#run(['tmux', '-L', this.#socket, '-u', ...args]);
    if (code !== 0) throw new Error(`tmux ${args.join(' ')}: exit code ${code}: ${stderr.trim()}`);
    return stdout;
  }

  get #socket(): string {
    return `${this.#setting.name}-${this.#starts}`;
  }

  #note(text: string): void {
    appendFileSync(this.transcriptFile, `${text}\n\n`);
  }
}

/** The program will not show what it was waited for. */
class ProgramEnded extends Error {
  override name = 'ProgramEnded';
}

function tidy(screen: string): string {
  return screen
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();
}
