/** Takes the steps of a plan, and takes them back. */
import { dirname } from 'node:path';
import type { FileStep, Step } from '../deploy/steps.ts';
import {
  ensureDirectory,
  readSnapshot,
  removeEmptyDirectory,
  removeFile,
  setMode,
  writeFileAtomic,
} from '../system/files.ts';

/** What one step changed, and how to take it back. */
interface Change {
  path: string;
  undo(): Promise<void>;
}

/** What was done. */
export interface Applied {
  /** The files that were written; those that were as described already are not among them. */
  written: FileStep[];
  /** Takes everything back, the last first. Returns the paths where that failed. */
  undo(): Promise<string[]>;
}

/** A step failed, or the run was interrupted between two. */
export class ApplyError extends Error {
  override readonly name = 'ApplyError';
  /** What was changed and could not be taken back. */
  readonly left: readonly string[];

  constructor(cause: unknown, left: readonly string[]) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.left = left;
  }
}

/** From `path` upwards to `top`, both included. */
function directoriesUpTo(path: string, top: string): string[] {
  return path === top || path === dirname(path) ? [path] : [path, ...directoriesUpTo(dirname(path), top)];
}

async function applyStep(step: Step): Promise<Change | undefined> {
  const { path, mode } = step;
  if (step.kind === 'directory') {
    const made = await ensureDirectory(path, mode);
    if (made === undefined) return undefined;
    return {
      path,
      undo: async () => {
        for (const directory of directoriesUpTo(path, made)) await removeEmptyDirectory(directory);
      },
    };
  }
  const before = await readSnapshot(path);
  if (before?.data.equals(Buffer.from(step.content))) {
    if (before.mode === mode) return undefined;
    await setMode(path, mode);
    return { path, undo: () => setMode(path, before.mode) };
  }
  await writeFileAtomic(path, step.content, { mode });
  return { path, undo: () => (before ? writeFileAtomic(path, before.data, { mode: before.mode }) : removeFile(path)) };
}

/**
 * Takes the steps in order. When one fails, or `signal` is aborted between two of them, those before it are taken back.
 * @throws ApplyError, with the reason as its cause
 */
export async function applySteps(steps: readonly Step[], signal: AbortSignal): Promise<Applied> {
  const changes: Change[] = [];
  const written: FileStep[] = [];
  const undo = async () => {
    const left: string[] = [];
    for (const change of changes.splice(0).reverse()) await change.undo().catch(() => left.push(change.path));
    return left;
  };
  try {
    for (const step of steps) {
      signal.throwIfAborted();
      const change = await applyStep(step);
      if (!change) continue;
      changes.push(change);
      if (step.kind === 'file') written.push(step);
    }
  } catch (error) {
    throw new ApplyError(error, await undo());
  }
  return { written, undo };
}
