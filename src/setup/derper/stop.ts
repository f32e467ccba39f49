/** Stops a derper so that it stays stopped when the machine starts again, and remembers how it was. */
import { CommandError } from '../../system/processes.ts';
import { type Link, unitLinks } from '../../system/unit-files.ts';
import { inspectContainer } from './container-engine.ts';
import type { DerperContainer, ExistingDerper } from './existing.ts';
import { derperName } from './naming.ts';
import { commandEngine, type Restore, RestoreError, restoreDerper, systemctl } from './restore.ts';
import { type UnitStatus, unitStatus } from './unit-status.ts';

/** Why a derper is not stopped; the user has to do it. */
export type StopRefusal =
  /** Nothing is known that manages it: it might come back at once, and nobody could bring it back as it was. */
  | { code: 'unmanaged'; pid: number }
  /** A unit made by systemd-run is gone when it stops. */
  | { code: 'transient-unit'; unit: string }
  | { code: 'unknown-unit'; unit: string }
  /** Kubernetes, or another manager that would start it again. */
  | { code: 'unknown-engine'; id: string }
  /** The engine does not know the container, as when it is another user's. */
  | { code: 'engine-silent'; engine: string; id: string }
  | { code: 'swarm'; name: string }
  /** Started with --rm: it is deleted when it stops. */
  | { code: 'auto-removed'; name: string };

/** A derper that is not stopped. Nothing was changed. */
export class StopRefusedError extends Error {
  override readonly name = 'StopRefusedError';
  readonly refusal: StopRefusal;

  constructor(refusal: StopRefusal) {
    super(`derper is not stopped: ${refusal.code}`);
    this.refusal = refusal;
  }
}

async function unitRefusal(unit: string): Promise<StopRefusal | undefined> {
  const status = await unitStatus(unit);
  if (status === undefined) return { code: 'unknown-unit', unit };
  return status.fileState === 'transient' ? { code: 'transient-unit', unit } : undefined;
}

/** Why this derper would not be stopped, known before anything is done; undefined when it would. */
export async function stopRefusal(derper: ExistingDerper): Promise<StopRefusal | undefined> {
  if (derper.kind === 'process') return { code: 'unmanaged', pid: derper.pid };
  if (derper.kind === 'unit') return unitRefusal(derper.unit);
  const { engine, id, name, facts, unit } = derper;
  if (engine === 'other') return { code: 'unknown-engine', id };
  if (facts === undefined) return { code: 'engine-silent', engine, id };
  if (facts.swarm) return { code: 'swarm', name };
  if (unit !== undefined) return unitRefusal(unit);
  return facts.autoRemove && facts.running ? { code: 'auto-removed', name } : undefined;
}

/** States in which `systemctl disable` has something to do. */
const ENABLED = new Set(['enabled', 'enabled-runtime']);

/** The links that are in one list and not in the other. */
function without(links: readonly Link[], others: readonly Link[]): Link[] {
  const known = new Set(others.map(({ path, target }) => `${path}\0${target}`));
  return links.filter(({ path, target }) => !known.has(`${path}\0${target}`));
}

/** Keeps a unit from starting with the machine. */
async function switchOff({ unit, fileState }: UnitStatus, undo: Restore): Promise<void> {
  // A generated unit has no links to remove; only a mask keeps it away.
  const verb = ENABLED.has(fileState) ? 'disable' : fileState === 'generated' ? 'mask' : undefined;
  if (verb === undefined) return;
  const before = await unitLinks();
  try {
    await systemctl(verb, '--', unit);
  } finally {
    // systemctl also removes links that were made by hand, and those of units named by Also=.
    const after = await unitLinks();
    const links = { removed: without(before, after), made: without(after, before) };
    if (links.removed.length + links.made.length > 0) undo.actions.unshift({ kind: 'unit-links', ...links });
  }
}

async function stopOneUnit(status: UnitStatus, undo: Restore): Promise<void> {
  if (status.active) {
    undo.actions.unshift({ kind: 'start-unit', unit: status.unit });
    await systemctl('stop', '--', status.unit);
  }
  // Last, so that it is put back first: an enabled unit may have been there by a link only.
  await switchOff(status, undo);
}

async function stopUnit(unit: string, undo: Restore): Promise<void> {
  const status = await unitStatus(unit);
  if (status === undefined) throw new StopRefusedError({ code: 'unknown-unit', unit });
  // A timer, as some guides add one, would start it again.
  for (const trigger of status.triggers) {
    const found = await unitStatus(trigger);
    if (found) await stopOneUnit(found, undo);
  }
  await stopOneUnit(status, undo);
}

async function stopContainer({ engine, id, unit }: DerperContainer, undo: Restore): Promise<void> {
  if (engine === 'other') throw new StopRefusedError({ code: 'unknown-engine', id });
  if (unit !== undefined) await stopUnit(unit, undo);
  const facts = await inspectContainer(engine, id);
  // The unit has removed it, and makes it anew.
  if (facts === undefined && unit !== undefined) return;
  if (facts === undefined) throw new StopRefusedError({ code: 'engine-silent', engine, id });
  const { restartPolicy: policy } = facts;
  if (policy !== 'no' && !facts.autoRemove) {
    undo.actions.unshift({ kind: 'restart-policy', engine, id, policy });
    try {
      await commandEngine(engine, 'update', '--restart=no', id);
    } catch (error) {
      if (engine !== 'podman' || !(error instanceof CommandError)) throw error;
      undo.actions.shift();
      undo.policyKept = true;
    }
  }
  if (!facts.running) return;
  // A container that its unit makes anew is not there to be started.
  if (!facts.autoRemove) undo.actions.unshift({ kind: 'start-container', engine, id });
  await commandEngine(engine, 'stop', id);
}

/** Undoes what was done before something failed. */
async function undoHalf(undo: Restore, cause: unknown): Promise<void> {
  try {
    await restoreDerper(undo);
  } catch (error) {
    if (error instanceof RestoreError) error.cause = cause;
    throw error;
  }
}

/**
 * Stops a derper and switches off its start with the machine. Resolves to how to bring it back. When it fails, what was
 * done already is undone.
 * @throws StopRefusedError for one that is left alone; CommandError when systemctl or the engine fails; RestoreError
 *   when what was done could not be undone then
 */
export async function stopDerper(derper: ExistingDerper): Promise<Restore> {
  const refusal = await stopRefusal(derper);
  if (refusal !== undefined) throw new StopRefusedError(refusal);
  const undo: Restore = { name: derperName(derper), actions: [], policyKept: false };
  try {
    if (derper.kind === 'unit') await stopUnit(derper.unit, undo);
    if (derper.kind === 'container') await stopContainer(derper, undo);
    return undo;
  } catch (error) {
    await undoHalf(undo, error);
    throw error;
  }
}
