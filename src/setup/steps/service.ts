import { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceStep } from '../../deploy/steps.ts';
import { readText } from '../../system/files.ts';
import { CommandError } from '../../system/processes.ts';
import {
  daemonReload,
  recentJournal,
  reloadUnit,
  resetFailedUnit,
  restartUnit,
  startUnit,
  stopUnit,
  type UnitState,
  unitState,
} from '../../system/services.ts';
import { becomesServed } from '../certificate/serving.ts';
import { readRelayStatus } from '../relay-status.ts';
import type { Finding, StepContext, StepHandler, Undo } from './handler.ts';

/** How long a relay may take until it serves, milliseconds; slow machines take a few seconds to load it. */
const START_TIMEOUT_MS = 30_000;
/** How long it may take to read a few files again, milliseconds. */
const RELOAD_TIMEOUT_MS = 10_000;
const POLL_MS = 100;
/** Lines of the journal that are shown when it does not. */
const JOURNAL_LINES = 12;

/** The service did not get to serve. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly unit: string;
  /**
   * `ended`: the relay ended by itself; `silent`: it runs and does not answer; `stale`: it serves the certificate that it
   * served before.
   */
  readonly problem: 'ended' | 'silent' | 'stale';
  readonly exitStatus: number | undefined;
  /** The last lines of its journal. */
  readonly journal: readonly string[];

  constructor(unit: string, problem: ServiceError['problem'], exitStatus: number | undefined, journal: string[]) {
    super(`${unit} (${problem}), exit code ${exitStatus ?? 'unknown'}`);
    this.unit = unit;
    this.problem = problem;
    this.exitStatus = exitStatus;
    this.journal = journal;
  }
}

const touches = (paths: readonly string[], changed: ReadonlySet<string>) => paths.some((path) => changed.has(path));

type ActionFacts = Pick<StepContext, 'changed' | 'unfinished'>;

/** What must be done for the service to run what is written. */
function neededAction(step: ServiceStep, state: UnitState, { changed, unfinished }: ActionFacts) {
  if (state.active !== 'active') return 'start';
  if (state.needsReload || unfinished || touches(step.restartFor, changed)) return 'restart';
  return touches(step.reloadFor, changed) ? 'reload' : undefined;
}

/** Resolves when the relay of the unit answers. @throws ServiceError */
async function waitUntilServing(
  { unit, derpPort, plain }: ServiceStep,
  since: Date,
  signal: AbortSignal,
): Promise<void> {
  const fail = async (problem: ServiceError['problem'], exitStatus?: number) =>
    new ServiceError(unit, problem, exitStatus, await recentJournal(unit, { lines: JOURNAL_LINES, since }));
  const { restarts } = await unitState(unit);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    const state = await unitState(unit);
    const ended = state.active === 'failed' || state.restarts > restarts || state.subState === 'auto-restart';
    if (ended) throw await fail('ended', state.exitStatus);
    // The main process must be the one that answers: the port may be somebody else's relay.
    if (state.active === 'active' && (await readRelayStatus(derpPort, signal, { tls: plain !== true })) !== undefined)
      return;
    await delay(POLL_MS, undefined, { signal });
  }
  throw await fail('silent');
}

/** Resolves when the certificate of the file is the one that is served: a reload is only a signal. @throws ServiceError */
async function waitUntilServed({ unit, derpPort, certificate }: ServiceStep, since: Date, signal: AbortSignal) {
  if (certificate === undefined) return;
  const wanted = new X509Certificate(await readText(certificate.file));
  const where = { host: certificate.host, port: derpPort, withinMs: RELOAD_TIMEOUT_MS };
  if (await becomesServed(wanted, where, signal)) return;
  throw new ServiceError(unit, 'stale', undefined, await recentJournal(unit, { lines: JOURNAL_LINES, since }));
}

/** Starts it; what systemd says of a failure is where to look, so that is looked up here. @throws ServiceError */
async function begin(start: (unit: string) => Promise<void>, unit: string, since: Date): Promise<void> {
  try {
    await start(unit);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const { exitStatus } = await unitState(unit);
    const journal = await recentJournal(unit, { lines: JOURNAL_LINES, since });
    throw new ServiceError(unit, 'ended', exitStatus === 0 ? undefined : exitStatus, journal);
  }
}

/** How the way back is gone: with the unit's old files in place, as it was. */
function wayBack(unit: string, before: UnitState, action: ReturnType<typeof neededAction>): Omit<Undo, 'what'> {
  const ran = before.active !== 'inactive' && before.active !== 'failed';
  if (!ran) return { now: () => stopUnit(unit).then(() => resetFailedUnit(unit)), afterwards: daemonReload };
  const again = async () => {
    await daemonReload();
    if (action === 'reload' && (await unitState(unit)).active === 'active') return reloadUnit(unit);
    // However often it has just failed to start.
    await resetFailedUnit(unit);
    return restartUnit(unit);
  };
  // What it ran before is started again when the old files are back.
  return { now: async () => {}, afterwards: again };
}

/** Waits for systemd, but no longer than until `signal` is aborted; what it was told to do is countermanded by the undo. */
async function unlessAborted(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const ended = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: ended.signal });
  });
  try {
    await Promise.race([work(), aborted]);
  } finally {
    ended.abort();
  }
}

/** Has the service run what was written. */
export const serviceHandler: StepHandler<ServiceStep> = {
  async inspect(step, context): Promise<Finding | undefined> {
    const action = neededAction(step, await unitState(step.unit), context);
    return action === undefined ? undefined : { change: 'run', details: [action] };
  },

  async apply(step: ServiceStep, context: StepContext) {
    const { signal, remember } = context;
    const { unit } = step;
    const before = await unitState(unit);
    const since = new Date();
    await daemonReload();
    const action = neededAction(step, before, context);
    remember({ what: unit, ...wayBack(unit, before, action) });
    if (before.active !== 'active') await resetFailedUnit(unit);
    const act = action === 'reload' ? reloadUnit : action === 'restart' ? restartUnit : startUnit;
    await unlessAborted(() => (action === 'reload' ? act(unit) : begin(act, unit, since)), signal);
    await waitUntilServing(step, since, signal);
    if (action === 'reload') await waitUntilServed(step, since, signal);
  },
};
