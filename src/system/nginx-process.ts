/** The nginx that runs, by what it leaves in /proc and in its files. */
import { open, readdir, readFile, stat } from 'node:fs/promises';

/** nginx's own processes. */
export interface NginxProcesses {
  master: number;
  /** Those that take connections; not those that only wait for their last ones to end. */
  workers: readonly number[];
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}

/** The number of the parent in /proc/PID/stat, whose second field is a name in parentheses that may hold anything. */
export function parentInStat(text: string): number | undefined {
  const behindName = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return behindName[1] === undefined ? undefined : Number(behindName[1]);
}

async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(pids.map(async (pid) => parentInStat(await readOrEmpty(`/proc/${pid}/stat`))));
  return pids.filter((_, i) => parents[i] === parent).map(Number);
}

/** What nginx calls a worker, or a helper, that has closed its ports. */
const ENDING = 'is shutting down';

/** The processes of the nginx whose number is in a file; undefined when it does not run. */
export async function findNginxProcesses(pidFile: string): Promise<NginxProcesses | undefined> {
  const master = Number((await readOrEmpty(pidFile)).trim());
  if (!Number.isInteger(master) || master < 1) return undefined;
  const name = (await readOrEmpty(`/proc/${master}/cmdline`)).replaceAll('\0', ' ');
  // The number may be another program's by now.
  if (!name.includes('nginx')) return undefined;
  const children = await childrenOf(master);
  const titles = await Promise.all(children.map((pid) => readOrEmpty(`/proc/${pid}/cmdline`)));
  const workers = children.filter((_, i) => titles[i]!.includes('worker process') && !titles[i]!.includes(ENDING));
  return { master, workers };
}

/** How long a log is now, bytes; 0 where there is none. */
export async function logLength(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** So much of a log is read. */
const LONGEST_LOG = 64 * 1024;

/** What was written to a log since it had that length; all of it when it was begun anew. */
export async function readLogSince(path: string, length: number): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const from = size < length ? 0 : length;
      const buffer = Buffer.alloc(Math.min(size - from, LONGEST_LOG));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}
