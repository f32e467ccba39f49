/** The Node that runs this, and whether a service of another user could run it too. */
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Why a service cannot run this Node: `npx-cache`, it lies where npx keeps what it has downloaded and may delete it;
 * `home` and `temporary`, services do not see these directories; `permissions`, another user may not run it, or
 * somebody other than root could replace it.
 */
export type RuntimeProblem = 'home' | 'npx-cache' | 'permissions' | 'temporary';

/** The Node that runs this. */
export interface NodeRuntime {
  /** Without the v: `22.12.0`. */
  version: string;
  /** Its file, symbolic links followed. */
  path: string;
  /** A service with ProtectHome= and PrivateTmp= of another system user could run it, and only root could replace it. */
  reachable: boolean;
  why?: RuntimeProblem;
}

/** One part of the way to a file, and at the end the file itself. */
export interface PathPart {
  path: string;
  uid: number;
  /** Permission bits. */
  mode: number;
}

/** Hidden by systemd's ProtectHome=yes. */
const HOMES = ['/home', '/root', '/run/user'];
/** Replaced by empty ones by systemd's PrivateTmp=yes. */
const TEMPORARY = ['/tmp', '/var/tmp', '/dev/shm'];

const SEARCH_BY_OTHERS = 0o001;
const READ_AND_RUN_BY_OTHERS = 0o005;
const WRITE_BY_OTHERS = 0o002;

const isBelow = (path: string, directories: readonly string[]) =>
  directories.some((directory) => path.startsWith(`${directory}/`));

/** Why a service could not run the file at `path`; `parts` are the directories above it and the file. Pure. */
export function judgeRuntime(path: string, parts: readonly PathPart[]): RuntimeProblem | undefined {
  if (path.includes('/_npx/')) return 'npx-cache';
  if (isBelow(path, HOMES)) return 'home';
  if (isBelow(path, TEMPORARY)) return 'temporary';
  const safe = parts.every((part) => {
    const needed = part.path === path ? READ_AND_RUN_BY_OTHERS : SEARCH_BY_OTHERS;
    return part.uid === 0 && (part.mode & needed) === needed && (part.mode & WRITE_BY_OTHERS) === 0;
  });
  return safe && parts.some((part) => part.path === path) ? undefined : 'permissions';
}

/** A file and the directories above it up to the root. @throws the system's error when one cannot be looked at */
export async function readPathParts(path: string): Promise<PathPart[]> {
  const { uid, mode } = await stat(path);
  const part = { path, uid, mode: mode & 0o7777 };
  return path === dirname(path) ? [part] : [part, ...(await readPathParts(dirname(path)))];
}

/** Looks at the Node that runs this. */
export async function describeRuntime(): Promise<NodeRuntime> {
  const path = await realpath(process.execPath);
  const why = judgeRuntime(path, await readPathParts(path));
  return { version: process.versions.node, path, reachable: why === undefined, ...(why ? { why } : {}) };
}
