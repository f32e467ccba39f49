/** Running programs: each is known by its process id, bounded in time, logged to a file, and stopped by us. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** What a program that has ended left behind. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a program to its end. */
export interface RunOptions {
  /** After so many seconds it is killed and the run has failed. */
  readonly seconds: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes other than 0 that are an answer, not a failure; `any` for all. */
  readonly accept?: 'any';
}

/** The environment of every program: nothing of ours (proxies, tokens, Node options) leaks into it. */
function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: '/nonexistent', LC_ALL: 'C.UTF-8', ...extra };
}

/** Runs a program to its end and gives its output; fails when it takes too long or exits with a code that is no answer. */
export async function run(command: readonly string[], options: RunOptions): Promise<Finished> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { env: environment(options.env), stdio: ['ignore', 'pipe', 'pipe'] });
  started.add(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, options.seconds * 1000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => {
    clearTimeout(timer);
    started.delete(child);
  });
  const finished: Finished = { code, ...output };
  if (late) throw new Error(`took more than ${options.seconds} s: ${describeRun(command, finished)}`);
  if (code !== 0 && options.accept !== 'any') throw new Error(`failed: ${describeRun(command, finished)}`);
  return finished;
}

/** One paragraph about a finished program, for an error message. */
export function describeRun(command: readonly string[], finished: Finished): string {
  const output = `${finished.stdout}${finished.stderr}`.trim();
  return `${command.join(' ')}\nexit code ${finished.code}, it printed:\n${output || '(nothing)'}`;
}

/** A program that keeps running, its output in a file. */
export class Program {
  readonly pid: number;
  readonly name: string;
  readonly logFile: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #exit: string | undefined;

  private constructor(name: string, logFile: string, child: ChildProcess) {
    this.name = name;
    this.logFile = logFile;
    this.pid = child.pid ?? 0;
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#exit ??= how;
        started.delete(child);
        resolve();
      };
      child.once('error', (error) => end(error.message));
      child.once('exit', (code, signal) => end(signal ? `killed by ${signal}` : `exit code ${code}`));
    });
  }

  /** Starts a program; what it prints is appended to `logFile`. */
  static start(command: readonly string[], logFile: string, env?: Readonly<Record<string, string>>): Program {
    const [program = '', ...args] = command;
    const log = openSync(logFile, 'a');
    try {
      const child = spawn(program, args, { env: environment(env), stdio: ['ignore', log, log] });
      started.add(child);
      return new Program(basename(logFile, '.log'), logFile, child);
    } finally {
      closeSync(log);
    }
  }

  /** How it ended, or undefined while it runs. */
  get exit(): string | undefined {
    return this.#exit;
  }

  /** All that it has printed so far. */
  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  /** Asks it to end, insists after `seconds`, and returns when it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', seconds = 5): Promise<void> {
    if (this.#exit !== undefined) return;
    this.#child.kill(signal);
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), seconds * 1000);
    await this.#ended.finally(() => clearTimeout(insist));
  }
}

/** Everything that still runs, so that a test process that ends early takes it along. */
const started = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
});

/** Tries until `attempt` gives something other than undefined or false; the last error is part of the failure. */
export async function until<T>(
  what: string,
  seconds: number,
  attempt: () => Promise<T | undefined | false> | T | undefined | false,
  pauseMs = 100,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let lastError = '';
  for (;;) {
    try {
      const result = await attempt();
      if (result !== undefined && result !== false) return result;
      lastError = '';
    } catch (error) {
      lastError = error instanceof Error ? `; last: ${error.message}` : `; last: ${String(error)}`;
    }
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain for ${what}${lastError}`);
    await delay(pauseMs);
  }
}
