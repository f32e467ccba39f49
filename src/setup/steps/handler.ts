/** What every kind of step can do: say what it would change, do it, and take it back. */
import type { WrittenFile } from '../../deploy/manifest.ts';
import type { Owner, Step } from '../../deploy/steps.ts';
import type { Ids } from '../../system/files.ts';
import { findUser } from '../../system/users.ts';
import type { ExistingDerper } from '../derper/existing.ts';

/** What a step would change on the machine as it is now. */
export interface Finding {
  change: 'create' | 'change' | 'run';
  /** The texts to compare, where there is something to show. */
  before?: string;
  after?: string;
  /** What is there was written by us and changed by somebody else since. */
  editedByHand?: boolean;
  /** A figure or a word that says more: a size, the commands that are run. */
  details?: readonly string[];
}

/** How to take back one change. */
export interface Undo {
  /** What is changed back, as people know it: a path, a unit, a user. */
  what: string;
  now(): Promise<void>;
  /** May be done again, when something that was in its way has gone. */
  repeatable?: true;
  /** What can only be done when everything else is back, such as starting a service again with its old files. */
  afterwards?(): Promise<void>;
  /** It stays: `now` only makes it keep without what is taken back beside it. */
  keeps?: boolean;
  /** Throws away what was kept for taking the change back. */
  discard?(): Promise<void>;
}

/** What steps know of the run that they are part of. */
export interface StepContext {
  /** The paths and units that steps of this run have changed so far; in a preview, would have changed. */
  readonly changed: Set<string>;
  /** Aborted when the run is interrupted. */
  readonly signal: AbortSignal;
  /** The files are those of this machine, not of a directory that is only being prepared. */
  readonly onMachine: boolean;
  /** What is known of the files that we have written, by path. */
  readonly written: ReadonlyMap<string, WrittenFile>;
  readonly derper?: ExistingDerper | undefined;
  /** The last run did not come to its end. */
  readonly unfinished?: boolean;
  /** Remembers how to take back what has just been changed. */
  remember(undo: Undo): void;
}

/** One kind of step. */
export interface StepHandler<S extends Step> {
  /** What there is to do; undefined when the machine is as the step describes. Changes nothing. */
  inspect(step: S, context: StepContext): Promise<Finding | undefined>;
  /** Does it, and remembers how to undo each change right after making it. */
  apply(step: S, context: StepContext): Promise<void>;
}

/**
 * The numbers of an owner. Undefined where files keep the owner they get: for a root directory that is only being
 * prepared, and for a user that a step before this one has yet to make.
 */
export async function idsOf(owner: Owner | undefined, { onMachine }: StepContext): Promise<Ids | undefined> {
  if (owner === undefined || !onMachine) return undefined;
  const user = await findUser(owner.user);
  // Every group that we name has a user of the same name.
  const group = owner.group === owner.user ? user : await findUser(owner.group);
  return user === undefined || group === undefined ? undefined : { uid: user.uid, gid: group.gid };
}

/** Whether a file or directory has this owner already; true where the owner does not matter. */
export function sameOwner(found: Ids, wanted: Ids | undefined): boolean {
  return wanted === undefined || (found.uid === wanted.uid && found.gid === wanted.gid);
}
