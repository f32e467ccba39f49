/** Running a program to its end on the machine that the tests run on; inside the booted ones see machine.ts. */
import { execa } from 'execa';

/** What a program that has ended left behind. */
export interface Finished {
  /** The exit code; 128 and the signal's number for one that was killed. */
  code: number;
  stdout: string;
  stderr: string;
}

/** How to run a program. */
export interface CommandOptions {
  /** What it reads from standard input. @default nothing */
  input?: string | Uint8Array;
  /** Seconds after which it is killed and the run counts as failed. @default 30 */
  timeout?: number;
}

/** Runs a program and gives its exit code and output; throws only when it cannot be started or takes too long. */
export async function runOnHost(command: readonly string[], options: CommandOptions = {}): Promise<Finished> {
  const [program = '', ...args] = command;
  const timeout = options.timeout ?? 30;
  const result = await execa(program, args, {
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
    // Nothing of ours (proxies, tokens, Node options) reaches it.
    env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' },
    extendEnv: false,
    timeout: timeout * 1000,
    killSignal: 'SIGKILL',
    stripFinalNewline: false,
    reject: false,
  });
  const code = result.exitCode ?? (result.signal ? 137 : undefined);
  if (result.timedOut || code === undefined) throw new Error(result.message ?? `${program} did not run`);
  return { code, stdout: result.stdout, stderr: result.stderr };
}

/** Runs a program that must succeed, and gives what it wrote to standard output. */
export async function mustOnHost(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const finished = await runOnHost(command, options);
  if (finished.code !== 0) throw new Error(describeRun(command, finished));
  return finished.stdout;
}

/** A paragraph about a run, for an error message. */
export function describeRun(command: readonly string[], { code, stdout, stderr }: Finished): string {
  const output = `${stdout}${stderr}`.trimEnd();
  return `${command.join(' ')}\nexit code ${code}, it printed:\n${output || '(nothing)'}`;
}
