/** How many files and sockets a process may have open. */
import { readTextIfPresent } from './files.ts';

/** The soft limit in the text of /proc/<pid>/limits; undefined for "unlimited" and when it does not say. */
export function parseOpenFilesLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** The limit of a process; undefined where it has none or the system does not say. */
export async function openFilesLimit(pid: number): Promise<number | undefined> {
  const text = await readTextIfPresent(`/proc/${pid}/limits`).catch(() => undefined);
  return text === undefined ? undefined : parseOpenFilesLimit(text);
}
