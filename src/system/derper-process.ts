/** Running derpers, from /proc: how they were started, and which service manager or container they belong to. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';

/** A running program, as far as this user may look at it. */
export interface DerperProcess {
  pid: number;
  /** The program and its arguments as the kernel got them; no shell stands between. */
  commandLine: string[];
  /** For a process in a container: as the container sees it. */
  workingDirectory: string | undefined;
  environment: Record<string, string>;
  /** The text of /proc/<pid>/cgroup. */
  cgroup: string;
  /** The user it runs as, by the host's numbers. */
  uid: number | undefined;
}

/** `derper`, and what people call a download of it: `derper-linux-amd64`, `derper_1.80`. */
const DERPER_NAME = /^derper([-_.]?v?\d|[-_](linux|amd64|arm64|x86_64|aarch64|bin)).*$|^derper$/i;

/** Whether a path or name is that of the program derper. */
export function isDerperProgram(path: string): boolean {
  return DERPER_NAME.test(basename(path));
}

/** The strings of a /proc file in which each ends with a zero byte. An empty one in the middle counts. */
export function splitZeroEnded(text: string): string[] {
  return text === '' ? [] : text.replace(/\0$/, '').split('\0');
}

/** The variables of /proc/<pid>/environ. */
export function parseEnvironment(text: string): Record<string, string> {
  const entries = splitZeroEnded(text).flatMap((entry): [string, string][] => {
    const at = entry.indexOf('=');
    return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)]] : [];
  });
  return Object.fromEntries(entries);
}

/** The effective user of /proc/<pid>/status. */
export function parseEffectiveUser(status: string): number | undefined {
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  return uid === undefined ? undefined : Number(uid);
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // The process is gone, or it is another user's.
    return '';
  }
}

async function linkOrUndefined(path: string): Promise<string | undefined> {
  try {
    // A program that was replaced while it ran, as updates do.
    return (await readlink(path)).replace(/ \(deleted\)$/, '');
  } catch {
    return undefined;
  }
}

async function readProcess(pid: string): Promise<DerperProcess | undefined> {
  const folder = `/proc/${pid}`;
  const commandLine = splitZeroEnded(await readOrEmpty(`${folder}/cmdline`));
  const executable = await linkOrUndefined(`${folder}/exe`);
  // Kernel threads and ended processes have no command line.
  if (commandLine.length === 0) return undefined;
  if (![executable, commandLine[0]].some((path) => path !== undefined && isDerperProgram(path))) return undefined;
  const [environment, cgroup, status, workingDirectory] = await Promise.all([
    readOrEmpty(`${folder}/environ`),
    readOrEmpty(`${folder}/cgroup`),
    readOrEmpty(`${folder}/status`),
    linkOrUndefined(`${folder}/cwd`),
  ]);
  return {
    pid: Number(pid),
    commandLine,
    workingDirectory,
    environment: parseEnvironment(environment),
    cgroup,
    uid: parseEffectiveUser(status),
  };
}

/** The text of this process's own /proc/self/cgroup: in a container, it names that container. */
export function ownCgroup(): Promise<string> {
  return readOrEmpty('/proc/self/cgroup');
}

/** All derpers that run, containers' included, by pid; none where this system has no /proc. */
export async function derperProcesses(): Promise<DerperProcess[]> {
  const entries = await readdir('/proc').catch(() => []);
  const pids = entries.filter((entry) => /^\d+$/.test(entry)).sort((a, b) => Number(a) - Number(b));
  const found: DerperProcess[] = [];
  for (const pid of pids) {
    const process = await readProcess(pid);
    if (process) found.push(process);
  }
  return found;
}
