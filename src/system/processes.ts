/** Programs of the machine: run without a shell, bounded in time, their output in plain C so that it can be parsed. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { constants as osConstants } from 'node:os';
import { delimiter, join } from 'node:path';

/** What a program that has ended left behind. */
export interface CommandResult {
  /** Its exit code; 128 and the signal's number when a signal ended it, as shells say. */
  code: number;
  stdout: string;
  stderr: string;
}

/** How to run a program. */
export interface RunOptions {
  /** What it reads on standard input; it reads nothing when absent. */
  input?: string;
  /** After so many milliseconds it is stopped, with all that it has started, and the run has failed. */
  timeoutMs?: number;
  /** Stops it in the same way. */
  signal?: AbortSignal;
  /** The directory that it works in. */
  cwd?: string;
  /** Variables beside the ones of this process. */
  env?: Readonly<Record<string, string>>;
}

/** The shape of `run`, for code that is handed another one: in another network namespace, or in a test. */
export type Run = (command: string, args: readonly string[], options?: RunOptions) => Promise<CommandResult>;

/** Why a program did not do what it was run for; `failed` is an exit code other than 0. */
export type CommandProblem = 'not-found' | 'failed' | 'timed-out' | 'aborted';

/** The one error of this module. Its message is the first line that says something of what the program said. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly command: string;
  readonly args: readonly string[];
  readonly code: number | undefined;
  readonly stderr: string;
  readonly reason: CommandProblem;

  constructor(reason: CommandProblem, command: string, args: readonly string[], result: Partial<CommandResult> = {}) {
    const { code, stderr = '', stdout = '' } = result;
    super(firstUsefulLine(stderr) ?? firstUsefulLine(stdout) ?? describe(reason, command, code));
    this.reason = reason;
    this.command = command;
    this.args = args;
    this.code = code;
    this.stderr = stderr;
  }
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** How long a program may take to end by itself when it is told to. */
const GRACE_MS = 2_000;
/** Far more than any program that is run here prints; one that never ends must not fill the memory. */
const MAX_OUTPUT = 16 * 1024 * 1024;

/** Where administration programs are. A root shell by `su` and some schedulers leave them out of PATH. */
const ADMINISTRATION_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

function searchPath(): string {
  const folders = (process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin').split(delimiter).filter(Boolean);
  return [...new Set([...folders, ...ADMINISTRATION_FOLDERS])].join(delimiter);
}

function describe(reason: CommandProblem, command: string, code: number | undefined): string {
  switch (reason) {
    case 'not-found':
      return `${command}: there is no such program, or it may not be run`;
    case 'timed-out':
      return `${command} took too long`;
    case 'aborted':
      return `${command} was interrupted`;
    default:
      return `${command} ended with exit code ${code ?? '?'}`;
  }
}

/** The first line that is neither empty nor a mere warning; the first that is not empty when all are. */
export function firstUsefulLine(text: string): string | undefined {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.find((line) => !/^(#\s*)?warning\b/i.test(line)) ?? lines[0];
}

/** Ends a program and everything that it has started: they are one process group. */
function endGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // All of them have ended by themselves.
  }
}

/**
 * Runs a program to its end and gives its exit code and output, whatever the code.
 * @throws CommandError when there is no such program, it takes too long or `signal` is aborted
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  const { input, timeoutMs = DEFAULT_TIMEOUT_MS, signal, cwd, env } = options;
  if (signal?.aborted) throw new CommandError('aborted', command, args);
  // It takes a while to load, and most commands run no program.
  const { execa } = await import('execa');
  const child = execa(command, args, {
    reject: false,
    // A group of its own, so that it can be ended with what it has started, and Ctrl-C does not end it half-way.
    detached: true,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    ...(cwd !== undefined && { cwd }),
    env: { PATH: searchPath(), ...env, LC_ALL: 'C' },
    maxBuffer: MAX_OUTPUT,
  });

  let stopped: 'timed-out' | 'aborted' | undefined;
  let insist: NodeJS.Timeout | undefined;
  const stop = (reason: 'timed-out' | 'aborted') => {
    if (stopped !== undefined || child.pid === undefined) return;
    const { pid } = child;
    stopped = reason;
    endGroup(pid, 'SIGTERM');
    insist = setTimeout(() => {
      endGroup(pid, 'SIGKILL');
      // What has left the group may hold the pipes open; nobody waits for it.
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, GRACE_MS);
  };
  const onAbort = () => stop('aborted');
  const timer = setTimeout(() => stop('timed-out'), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const result = await child;
    const code = result.exitCode ?? (result.signal ? 128 + osConstants.signals[result.signal] : undefined);
    const output = { stdout: result.stdout ?? '', stderr: result.stderr ?? '' };
    if (stopped) throw new CommandError(stopped, command, args, { stderr: output.stderr });
    if (code === undefined) throw new CommandError('not-found', command, args);
    return { code, ...output };
  } finally {
    clearTimeout(timer);
    clearTimeout(insist);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** The result of a program that has to succeed. @throws CommandError when its exit code is not 0 */
export function orThrow(command: string, args: readonly string[], result: CommandResult): CommandResult {
  if (result.code !== 0) throw new CommandError('failed', command, args, result);
  return result;
}

/** Runs a program that has to succeed. @throws CommandError also when its exit code is not 0 */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
  runner: Run = run,
): Promise<CommandResult> {
  return orThrow(command, args, await runner(command, args, options));
}

/** The path of a program in PATH or where administration programs are; undefined when this user cannot run it. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of searchPath().split(delimiter)) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      if ((await stat(path)).isFile()) return path;
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}
