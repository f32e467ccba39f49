/** The nginx that runs here: its processes, and having it take over what is written, so that one can be sure it did. */
import { posix } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { named, readConfiguration } from '../../deploy/nginx/configuration.ts';
import { NginxSyntaxError } from '../../deploy/nginx/directives.ts';
import {
  findNginx,
  type Nginx,
  NginxError,
  type NginxFile,
  readNginxConfiguration,
  reloadNginx,
} from '../../system/nginx.ts';
import { findNginxProcesses, logLength, type NginxProcesses, readLogSince } from '../../system/nginx-process.ts';

/** A value that nginx was built with. */
export function builtWith({ arguments: words }: Nginx, name: string): string | undefined {
  return words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
}

/** Files of the running nginx. */
export interface NginxPaths {
  pid: string;
  /** Undefined where it does not write one. */
  errorLog: string | undefined;
}

/** Where nginx keeps its process number and its log, by its configuration and by how it was built. */
export function nginxPaths(nginx: Nginx, files: readonly NginxFile[]): NginxPaths {
  const prefix = builtWith(nginx, 'prefix') ?? '/usr/share/nginx';
  let main: ReturnType<typeof readConfiguration>['main'] = [];
  try {
    main = readConfiguration(files).main;
  } catch (error) {
    if (!(error instanceof NginxSyntaxError)) throw error;
  }
  const told = (name: string) => named(main, name).at(-1)?.args[0];
  const log = told('error_log') ?? builtWith(nginx, 'error-log-path');
  const isFile = log !== undefined && log !== 'stderr' && !/^(?:syslog|memory):/.test(log);
  return {
    pid: posix.resolve(prefix, told('pid') ?? builtWith(nginx, 'pid-path') ?? '/run/nginx.pid'),
    errorLog: isFile ? posix.resolve(prefix, log) : undefined,
  };
}

/** A reload takes a second or two; where ports are taken nginx tries for some seconds. */
const RELOAD_TIMEOUT_MS = 20_000;
const POLL_MS = 100;

/** What nginx writes when it goes on with the old configuration. The first tries to bind a port may yet succeed. */
const GIVEN_UP = /\[(?:emerg|alert)\] (?!.*bind\(\)).*$/gm;
const REASONS = /\[emerg\] (.*)$/gm;

const withoutNumbers = (line: string) => line.replace(/^\d+#\d+: (?:\*\d+ )?/, '');

/** Why nginx did not take a configuration, as it says itself, each reason once. */
export function reloadFailure(log: string): string[] {
  const lines = [...log.matchAll(REASONS)].map(([, rest]) => withoutNumbers(rest!));
  return [...new Set(lines)];
}

async function lookAtRunning(): Promise<{ paths: NginxPaths; processes: NginxProcesses | undefined }> {
  const nginx = await findNginx();
  const files = await readNginxConfiguration();
  const paths = nginxPaths(nginx ?? { version: '', arguments: [] }, files);
  return { paths, processes: await findNginxProcesses(paths.pid) };
}

/**
 * Has nginx read its configuration again, and waits until new workers have the ports: the command itself succeeds when
 * nginx has merely been told.
 * @throws NginxError `reload` with what it says in its log when it goes on as before
 */
export async function reloadAndWait(signal?: AbortSignal): Promise<void> {
  const { paths, processes: before } = await lookAtRunning();
  const logFrom = paths.errorLog === undefined ? 0 : await logLength(paths.errorLog);
  await reloadNginx();
  const said = async () => (paths.errorLog === undefined ? '' : readLogSince(paths.errorLog, logFrom));
  const deadline = Date.now() + RELOAD_TIMEOUT_MS;
  const old = new Set(before?.workers ?? []);
  while (Date.now() < deadline) {
    signal?.throwIfAborted();
    const workers = (await findNginxProcesses(paths.pid))?.workers ?? [];
    // The old ones close their ports a moment after the new ones have opened theirs.
    if (workers.length > 0 && !workers.some((pid) => old.has(pid))) return;
    const log = await said();
    if (log.match(GIVEN_UP) !== null) break;
    await delay(POLL_MS, undefined, signal && { signal });
  }
  throw new NginxError('reload', reloadFailure(await said()));
}
