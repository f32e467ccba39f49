/** Takes the steps of a plan, and takes them back. */
import type { FileStep, Step } from '../deploy/steps.ts';
import { removeLeftovers } from '../system/leftovers.ts';
import type { RunFacts } from './preview.ts';
import type { Finding, StepContext, Undo } from './steps/handler.ts';
import { handlerOf, subjectOf } from './steps/handlers.ts';
import { markFinished, markUnfinished } from './unfinished.ts';

/** One thing that cannot be taken back must not keep the rest from it, milliseconds. */
const UNDO_TIMEOUT_MS = 45_000;

/** Steps after which a service runs what was written. */
const MARKED: readonly Step['kind'][] = ['service', 'compose', 'compose-down', 'reload-units'];

/** What is told while it happens. */
export interface ApplyEvents {
  onStep?(step: Step, finding: Finding): void;
  onStepDone?(step: Step, finding: Finding, milliseconds: number): void;
  onUndo?(what: string): void;
}

/** What was done. */
export interface Applied {
  /** The steps that had something to do. */
  done: readonly Step[];
  /** The files that were written; those that were as described already are not among them. */
  written: FileStep[];
  /** Takes everything back, the last first, until `hurry` is aborted. */
  undo(hurry?: AbortSignal): Promise<Undone>;
  /** Throws away what was kept for that. */
  keep(): Promise<void>;
}

/** What became of taking back. */
export interface Undone {
  undone: string[];
  /** What was changed and could not be taken back. */
  left: string[];
  /** What stays on purpose, for the next try. */
  kept: string[];
}

/** A step failed, or the run was interrupted between two. */
export class ApplyError extends Error {
  override readonly name = 'ApplyError';
  /** The step that failed; undefined when the run was interrupted between two. */
  readonly step: Step | undefined;
  readonly undone: readonly string[];
  /** What was changed and could not be taken back. */
  readonly left: readonly string[];
  /** What stays on purpose, for the next try. */
  readonly kept: readonly string[];

  constructor(cause: unknown, step: Step | undefined, { undone, left, kept }: Undone) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.step = step;
    this.undone = undone;
    this.left = left;
    this.kept = kept;
  }
}

/** Rejects when `work` takes too long, or as soon as `hurry` is aborted. The work itself goes on, unheeded. */
async function withinTime(work: Promise<void>, hurry: AbortSignal | undefined): Promise<void> {
  const ended = new AbortController();
  const tooLate = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error('it took too long')), UNDO_TIMEOUT_MS);
    ended.signal.addEventListener('abort', () => clearTimeout(timer));
    hurry?.addEventListener('abort', () => reject(new Error('there was no time')), { signal: ended.signal });
  });
  try {
    await Promise.race([work, tooLate]);
  } finally {
    ended.abort();
  }
}

async function takeBack(undos: Undo[], events: ApplyEvents, hurry?: AbortSignal): Promise<Undone> {
  const reversed = undos.splice(0).reverse();
  const told = new Set<string>();
  const left = new Set<string>();
  const attempt = async (what: string, work: () => Promise<void>) => {
    if (hurry?.aborted) {
      left.add(what);
      return;
    }
    await withinTime(work(), hurry).catch(() => left.add(what));
  };
  for (const { what, now } of reversed) {
    // One unit may have been changed in several ways.
    if (!told.has(what)) events.onUndo?.(what);
    told.add(what);
    await attempt(what, now);
  }
  if (left.size > 0 && !hurry?.aborted) {
    // On a full disk a user can be removed only when the files are gone that filled it, and a directory after that.
    const failed = new Set(left);
    left.clear();
    for (const { what, now, repeatable } of reversed) if (repeatable || failed.has(what)) await attempt(what, now);
  }
  // systemd need not read its files again for each of them.
  const afterwards = new Map(reversed.map((undo) => [undo.afterwards, undo.what]));
  for (const [work, what] of afterwards) if (work) await attempt(what, work);
  const kept = new Set(reversed.filter((undo) => undo.keeps).map(({ what }) => what));
  const undone = [...told].filter((what) => !left.has(what) && !kept.has(what));
  return { undone, left: [...left], kept: [...kept] };
}

/**
 * Takes the steps in order, those that have something to do. When one fails, or `signal` is aborted, what was done is
 * taken back; `hurry` ends that too.
 * @throws ApplyError, with the reason as its cause
 */
export async function applySteps(
  steps: readonly Step[],
  facts: RunFacts,
  signal: AbortSignal,
  { hurry, ...events }: ApplyEvents & { hurry?: AbortSignal } = {},
): Promise<Applied> {
  const undos: Undo[] = [];
  const changed = new Set<string>();
  const done: Step[] = [];
  const context: StepContext = { ...facts, changed, signal, remember: (undo) => void undos.push(undo) };
  let current: Step | undefined;
  const isMarked = facts.onMachine && steps.some(({ kind }) => MARKED.includes(kind));
  if (isMarked) await markUnfinished();
  const takeAllBack = async (hurryNow: AbortSignal | undefined) => {
    const undone = await takeBack(undos, events, hurryNow);
    if (isMarked && undone.left.length === 0 && !facts.unfinished) await markFinished();
    return undone;
  };
  await removeLeftovers(steps.flatMap((step) => ('path' in step ? [step.path] : [])));
  try {
    for (const step of steps) {
      current = undefined;
      signal.throwIfAborted();
      current = step;
      const handler = handlerOf(step);
      const finding = await handler.inspect(step, context);
      if (finding === undefined) continue;
      events.onStep?.(step, finding);
      const began = performance.now();
      await handler.apply(step, context);
      changed.add(subjectOf(step));
      done.push(step);
      events.onStepDone?.(step, finding, performance.now() - began);
    }
    signal.throwIfAborted();
  } catch (error) {
    throw new ApplyError(error, current, await takeAllBack(hurry));
  }
  return {
    done,
    written: done.filter((step) => step.kind === 'file'),
    undo: (hurryNow = hurry) => takeAllBack(hurryNow),
    keep: async () => {
      for (const { discard } of undos.splice(0)) await discard?.().catch(() => {});
      if (isMarked) await markFinished();
    },
  };
}
