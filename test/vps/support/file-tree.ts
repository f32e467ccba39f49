/** What is on a machine's disk, file by file, and what has changed between two looks at it. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';

/** One file, directory or link. Times are left out: a file that is written again as it was is the same file. */
export interface Entry {
  kind: 'file' | 'directory' | 'link' | 'other';
  /** Permissions in octal, with the special bits: `0644`, `4755`. */
  mode: string;
  /** User and group by number: `0:0`. */
  owner: string;
  /** The SHA-256 of a file's bytes, a link's target, and nothing for the rest. */
  content: string;
  /** A small file's text below /etc, to show how it has changed. */
  text?: string;
}

/** Paths and what is there. */
export type FileTree = ReadonlyMap<string, Entry>;

/**
 * What a running system writes by itself, and the caches of npx: these paths and all below them are left out, and so is
 * everything on another file system (/proc, /run, /tmp, mounted folders) unless it is named as a place to look. A star at
 * the end stands for the rest of a name.
 */
export const volatilePaths: readonly string[] = [
  '/etc/ld.so.cache',
  '/root/.npm',
  '/var/cache/ldconfig',
  '/var/lib/systemd/random-seed',
  '/var/lib/systemd/timers',
  '/var/log/btmp',
  '/var/log/journal',
  '/var/log/lastlog',
  '/var/log/wtmp',
  // Named anew by each boot.
  '/var/tmp/systemd-private-*',
];

/** Texts are kept up to this size. */
const longestText = 64 * 1024;

/**
 * Looks at everything on a disk.
 * @param root where the machine's `/` is found
 * @param places absolute paths in the machine, which may not lead through links
 * @param except absolute paths in the machine that are left out, with all below them; see {@link volatilePaths}
 */
export function readTree(root: string, places: readonly string[], except: readonly string[]): FileTree {
  const tree = new Map<string, Entry>();
  for (const place of places) {
    refuseLinks(root, place);
    const stats = lstatSync(join(root, place), { throwIfNoEntry: false });
    if (stats) walk(tree, root, place, stats, except);
  }
  return tree;
}

/** A link on the way would lead out of the machine, since it is looked at from outside. */
function refuseLinks(root: string, place: string): void {
  const parts = place.split('/').filter(Boolean);
  for (let length = 1; length < parts.length; length++) {
    const parent = `/${parts.slice(0, length).join('/')}`;
    if (lstatSync(join(root, parent), { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw new Error(`${place} leads through the link ${parent}; name the path that it stands for`);
    }
  }
}

function walk(tree: Map<string, Entry>, root: string, path: string, stats: Stats, except: readonly string[]): void {
  if (except.some((left) => (left.endsWith('*') ? path.startsWith(left.slice(0, -1)) : path === left))) return;
  const outside = join(root, path);
  const entry = unlessGone(() => describe(outside, path, stats));
  if (!entry) return;
  tree.set(path, entry);
  if (!stats.isDirectory()) return;
  for (const name of (unlessGone(() => readdirSync(outside)) ?? []).sort()) {
    const child = join(path, name);
    const childStats = lstatSync(join(root, child), { throwIfNoEntry: false });
    // Another device means that something is mounted there. A file's own device also tells the layers of the disk apart.
    const isMounted = childStats?.isDirectory() && childStats.dev !== stats.dev;
    if (childStats && !isMounted) walk(tree, root, child, childStats, except);
  }
}

/** What a look gives, or undefined when the file went away just then: the machine goes on meanwhile. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function describe(outside: string, path: string, stats: Stats): Entry {
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
  const common = { mode, owner: `${stats.uid}:${stats.gid}` };
  if (stats.isSymbolicLink()) return { kind: 'link', ...common, content: readlinkSync(outside) };
  if (stats.isDirectory()) return { kind: 'directory', ...common, content: '' };
  if (!stats.isFile()) return { kind: 'other', ...common, content: '' };
  const bytes = readFileSync(outside);
  const content = createHash('sha256').update(bytes).digest('hex');
  const isKept = path.startsWith('/etc/') && bytes.length <= longestText && !bytes.includes(0);
  return { kind: 'file', ...common, content, ...(isKept ? { text: bytes.toString() } : {}) };
}

/**
 * What is different, one paragraph for each path in the order of the paths: `+` is new, `-` is gone, `~` has changed.
 * Nothing when the two are the same to the byte.
 */
export function diffTrees(before: FileTree, after: FileTree): string[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    const [old, now] = [before.get(path), after.get(path)];
    if (!old) return [`+ ${path} ${inWords(now!)}`];
    if (!now) return [`- ${path} ${inWords(old)}`];
    const changes = differences(path, old, now);
    return changes.length > 0 ? [`~ ${path} ${changes.join(', ')}`] : [];
  });
}

function inWords({ kind, mode, owner, content }: Entry): string {
  return `${kind} ${mode} ${owner}${kind === 'link' ? ` → ${content}` : ''}`;
}

function differences(path: string, old: Entry, now: Entry): string[] {
  if (old.kind !== now.kind) return [`was ${inWords(old)}, is ${inWords(now)}`];
  const changes: string[] = [];
  if (old.mode !== now.mode) changes.push(`mode ${old.mode} → ${now.mode}`);
  if (old.owner !== now.owner) changes.push(`owner ${old.owner} → ${now.owner}`);
  if (old.content !== now.content) changes.push(contentChange(path, old, now));
  return changes;
}

function contentChange(path: string, old: Entry, now: Entry): string {
  if (old.kind === 'link') return `target ${old.content} → ${now.content}`;
  if (old.text === undefined || now.text === undefined) return 'content';
  const patch = createTwoFilesPatch('before', 'after', old.text, now.text, '', '', { context: 1 });
  return `content of ${path}:\n${patch.split('\n').slice(1).join('\n').trimEnd()}`;
}
