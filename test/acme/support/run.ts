/** The built derp-setup as people run it, in a home of its own. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../bin/derp-setup.cjs', import.meta.url));

/** What a run has left behind. */
export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Where it runs. */
interface Place {
  home: string;
  environment?: Record<string, string>;
}

/** Runs it to its end. */
export function derpSetup(args: readonly string[], place: Place): Promise<Finished> {
  return startDerpSetup(args, place).finished;
}

/** Starts it; `interrupt` is a Ctrl-C. */
export function startDerpSetup(
  args: readonly string[],
  { home, environment = {} }: Place,
): { finished: Promise<Finished>; interrupt(): void } {
  const env = { PATH: process.env.PATH ?? '', HOME: home, XDG_STATE_HOME: join(home, 'state'), ...environment };
  const child = spawn(process.execPath, [program, ...args], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { finished, interrupt: () => void child.kill('SIGINT') };
}
