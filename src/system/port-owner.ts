/** Who has a port, from /proc: the socket's inode in /proc/net, then the process that holds that inode open. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import type { PortProtocol } from './ports.ts';

/** What could be found out; another user's process shows only whose it is. */
export interface PortOwner {
  name?: string;
  pid?: number;
  user?: string;
}

/** A bound socket as /proc/net names it. */
export interface BoundSocket {
  inode: string;
  uid: number;
}

/** Columns of /proc/net/{tcp,udp}: sl, local, remote, state, queues, timer, retransmits, uid, timeout, inode. */
const COLUMN = { local: 1, state: 3, uid: 7, inode: 9 };
const TCP_LISTEN = '0A';

/** The sockets of a /proc/net table that are bound to `port`; of TCP only the listening ones. */
export function boundSockets(table: string, protocol: PortProtocol, port: number): BoundSocket[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const found: BoundSocket[] = [];
  for (const line of table.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/);
    const [local, state, uid, inode] = [COLUMN.local, COLUMN.state, COLUMN.uid, COLUMN.inode].map((at) => columns[at]);
    if (!local?.endsWith(`:${wanted}`) || inode === undefined) continue;
    if (protocol === 'tcp' && state !== TCP_LISTEN) continue;
    found.push({ inode, uid: Number(uid) });
  }
  return found;
}

/** The name of a user id by /etc/passwd's text, or the number itself. */
export function userName(passwd: string, uid: number): string {
  const line = passwd.split('\n').find((entry) => entry.split(':')[2] === String(uid));
  return line?.split(':')[0] || String(uid);
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}

async function holdsSocket(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  try {
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      // A descriptor may be closed between the listing and the look at it.
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (sockets.has(target)) return true;
    }
  } catch {
    // The process is gone, or it is another user's.
  }
  return false;
}

/** A process's name. Newer Nodes rename their main thread, so there the program's file says more. */
async function processName(pid: string): Promise<string> {
  const name = (await readOrEmpty(`/proc/${pid}/comm`)).trim();
  if (name && !name.endsWith('MainThread')) return name;
  return basename(await readlink(`/proc/${pid}/exe`).catch(() => name));
}

/** Who has the port on any address; undefined when nobody has it or this system does not tell (it has no /proc). */
export async function portOwner(protocol: PortProtocol, port: number): Promise<PortOwner | undefined> {
  const tables = await Promise.all([protocol, `${protocol}6`].map((name) => readOrEmpty(`/proc/net/${name}`)));
  const sockets = tables.flatMap((table) => boundSockets(table, protocol, port));
  if (sockets.length === 0) return undefined;
  const wanted = new Set(sockets.map(({ inode }) => `socket:[${inode}]`));
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).sort((a, b) => Number(a) - Number(b));
  let first: string | undefined;
  for (const pid of pids) {
    if (!(await holdsSocket(pid, wanted))) continue;
    first ??= pid;
    // Process 1 also holds the sockets that systemd opens on behalf of a service; the service is the better answer.
    if (pid !== '1') {
      first = pid;
      break;
    }
  }
  if (first !== undefined) return { name: await processName(first), pid: Number(first) };
  return { user: userName(await readOrEmpty('/etc/passwd'), sockets[0]!.uid) };
}
