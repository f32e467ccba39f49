/** The tables of cron, wherever the usual crons keep them. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Files, and directories of files; the users' own tables are below /var/spool. */
const CRON_PATHS = ['/etc/crontab', '/etc/cron.d', '/var/spool/cron/crontabs', '/var/spool/cron', '/etc/crontabs'];

/** A cron table. */
export interface CronFile {
  path: string;
  text: string;
}

async function readable(path: string): Promise<CronFile[]> {
  try {
    return (await stat(path)).isFile() ? [{ path, text: await readFile(path, 'utf8') }] : [];
  } catch {
    // Other users' tables are for root only.
    return [];
  }
}

/** Every table that this user may read. */
export async function cronFiles(): Promise<CronFile[]> {
  const found: CronFile[] = [];
  for (const path of CRON_PATHS) {
    const names = await readdir(path).catch(() => undefined);
    const files = names === undefined ? [path] : names.sort().map((name) => join(path, name));
    for (const file of files) found.push(...(await readable(file)));
  }
  return found;
}
