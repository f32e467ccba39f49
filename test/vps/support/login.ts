/** How a program is run on a machine: in its namespaces, with the environment of a login. Pure. */
import type { NodeMajor } from './settings.ts';

/** A Node at hand in /opt, one in another folder that has `bin/node`, or none at all. */
export type NodeInPath = NodeMajor | `/${string}` | 'none';

/** How to run a program on a machine. */
export interface RunOptions {
  /** In addition to a login's HOME, PATH, USER, LANG and the like. */
  env?: Readonly<Record<string, string>>;
  /** What it reads from standard input. @default nothing */
  input?: string | Uint8Array;
  /** Seconds after which it is killed and the run throws. @default 30 */
  timeout?: number;
  /** @default the user's home */
  cwd?: string;
  /** @default 'root' */
  user?: string;
  /** The Node in its PATH. @default the machine's */
  node?: NodeInPath;
}

/** The options with everything decided. */
export type DecidedRunOptions = RunOptions & Required<Pick<RunOptions, 'timeout' | 'node'>>;

/** What `timeout` exits with when the time is over. */
export const timeoutCode = 124;

const systemFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * The command of the host that runs a program in the machine whose process 1 has this number on the host. It is the
 * machine's own `timeout` that ends it, because killing nsenter would leave the program behind.
 */
export function commandInside(systemPid: number, program: readonly string[], options: DecidedRunOptions): string[] {
  const { user = 'root', node, timeout } = options;
  const home = user === 'root' ? '/root' : `/home/${user}`;
  const nodeFolder = typeof node === 'number' ? `/opt/node-${node}` : node;
  const path = node === 'none' ? systemFolders : [`${nodeFolder}/bin`, ...systemFolders];
  const login = { HOME: home, USER: user, LOGNAME: user, SHELL: '/bin/bash', LANG: 'C.UTF-8', PATH: path.join(':') };
  const variables = Object.entries({ ...login, ...options.env }).map(([name, value]) => `${name}=${value}`);
  return [
    ...['nsenter', '--target', String(systemPid), '--all', '--'],
    ...(user === 'root' ? [] : ['/usr/sbin/runuser', '-u', user, '--']),
    ...['/usr/bin/env', '-i', '-C', options.cwd ?? home, ...variables],
    ...['timeout', '--kill-after=2', String(timeout), ...program],
  ];
}

/** A word as sh takes it literally. */
export function quote(word: string): string {
  return /^[\w./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
