/** Runs the built programs as a user would, on loopback and with a home directory of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';

const bin = (program: string) => fileURLToPath(new URL(`../../bin/${program}.cjs`, import.meta.url));
const dist = fileURLToPath(new URL('../../dist', import.meta.url));

/** Nothing here takes longer, not even on a slow machine. */
const TIME_LIMIT_MS = 15_000;

/** What a finished program left. */
export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A program that runs. */
export interface Started {
  child: ChildProcess;
  finished: Promise<Finished>;
  /** What it printed on stderr so far. */
  stderr(): string;
  /** Resolves when stderr holds the text. */
  says(text: string): Promise<void>;
}

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

/** Starts a program; it is killed at the end of the test if it still runs. */
export function start(
  program: 'derp-setup' | 'derp-relay',
  args: readonly string[],
  { home, environment = {} }: { home: string; environment?: Record<string, string> },
): Started {
  if (!existsSync(dist)) throw new Error('dist/ is missing: run the tests with npm test, or node scripts/prepare.mjs');
  const child = spawn(process.execPath, [bin(program), ...args], {
    cwd: home,
    env: { PATH: process.env.PATH ?? '', HOME: home, LC_ALL: 'C', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIME_LIMIT_MS,
  });
  running.add(child);
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text;
    });
  }
  const finished = once(child, 'close').then(([code]) => {
    running.delete(child);
    return { code: code as number | null, ...printed };
  });
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => printed.stderr.includes(text) && resolve();
      child.stderr!.on('data', look);
      finished.then(() => reject(new Error(`it never said ${JSON.stringify(text)}: ${printed.stderr}`)));
      look();
    });
  return { child, finished, stderr: () => printed.stderr, says };
}

/** Runs a program to its end. */
export function run(...parameters: Parameters<typeof start>): Promise<Finished> {
  return start(...parameters).finished;
}

/** A TCP port and a UDP port that were free a moment ago. */
export async function freePorts(): Promise<{ tcp: number; udp: number }> {
  const server = createServer().listen(0);
  const socket = createSocket('udp4').bind(0);
  await Promise.all([once(server, 'listening'), once(socket, 'listening')]);
  const ports = { tcp: (server.address() as AddressInfo).port, udp: socket.address().port };
  await Promise.all([
    new Promise((resolve) => server.close(resolve)),
    new Promise<void>((resolve) => socket.close(resolve)),
  ]);
  return ports;
}
