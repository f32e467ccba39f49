/** Brings a derper that was stopped back exactly as it was. */
import { CommandError, mustRun } from '../../system/processes.ts';
import { type Link, makeLink, removeLink } from '../../system/unit-files.ts';
import { engineProgram, type KnownEngine } from './container-engine.ts';

/** One thing to put back. */
export type RestoreAction =
  /** Links that were removed when the unit was switched off, and links that were made then. */
  | { kind: 'unit-links'; removed: Link[]; made: Link[] }
  | { kind: 'start-unit'; unit: string }
  | { kind: 'restart-policy'; engine: KnownEngine; id: string; policy: string }
  | { kind: 'start-container'; engine: KnownEngine; id: string };

/** How to bring a derper back: plain data, so that it can be kept in a file for a later removal of the new relay. */
export interface Restore {
  /** The unit or container, for messages. */
  name: string;
  /** In the order in which they are to be done. */
  actions: RestoreAction[];
  /**
   * The container's restart policy could not be changed, as with Podman before version 5.1: it may come back when the
   * machine starts again.
   */
  policyKept: boolean;
}

/** What could not be put back; everything else was. */
export class RestoreError extends Error {
  override readonly name = 'RestoreError';
  readonly failed: { action: RestoreAction; reason: string }[];

  constructor(name: string, failed: RestoreError['failed']) {
    super(`${name} could not be brought back: ${failed.map(({ reason }) => reason).join('; ')}`);
    this.failed = failed;
  }
}

/** Stopping waits for derper's end; systemd and the engines kill what does not end, by default after 90 seconds. */
export const SERVICE_TIMEOUT_MS = 150_000;

/** Runs `systemctl`. @throws CommandError */
export async function systemctl(...args: string[]): Promise<void> {
  await mustRun('systemctl', args, { timeoutMs: SERVICE_TIMEOUT_MS });
}

/** Runs a command of a container engine that changes something. @throws CommandError */
export async function commandEngine(engine: KnownEngine, ...args: string[]): Promise<void> {
  await mustRun(engineProgram(engine), args, { timeoutMs: SERVICE_TIMEOUT_MS });
}

async function perform(action: RestoreAction): Promise<void> {
  switch (action.kind) {
    case 'unit-links':
      for (const link of action.made) await removeLink(link);
      for (const link of action.removed) await makeLink(link);
      return systemctl('daemon-reload');
    case 'start-unit':
      return systemctl('start', '--', action.unit);
    case 'restart-policy':
      return commandEngine(action.engine, 'update', `--restart=${action.policy}`, action.id);
    case 'start-container':
      return commandEngine(action.engine, 'start', action.id);
  }
}

/** Brings it back. What fails does not keep the rest from being put back. @throws RestoreError */
export async function restoreDerper({ name, actions }: Restore): Promise<void> {
  const failed: RestoreError['failed'] = [];
  for (const action of actions) {
    try {
      await perform(action);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      failed.push({
        action,
        reason: error instanceof CommandError ? `${error.command}: ${error.message}` : error.message,
      });
    }
  }
  if (failed.length > 0) throw new RestoreError(name, failed);
}
