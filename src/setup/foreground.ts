/** Carries out a foreground plan: writes the files, starts the relay in this process, proves it as a client would. */
import type { Check, CheckId, ProbeOptions } from '../probe/check.ts';
import { probeRelay } from '../probe/probe.ts';
import { type Relay, startRelay } from '../relay/relay.ts';
import { type Applied, ApplyError, applySteps } from './apply.ts';
import type { Prepared } from './prepare.ts';

/** What is told while it happens. */
export interface ForegroundEvents {
  onApplied?(applied: Applied): void;
  onStarted?(relay: Relay): void;
  onCheckStart?(id: CheckId): void;
  onCheck?(check: Check): void;
}

/** The parts that tests replace. */
export interface ForegroundParts {
  start: typeof startRelay;
  probe(options: ProbeOptions): AsyncIterable<Check>;
}

/** A relay that serves, whether or not the proof succeeded. */
export interface Running {
  relay: Relay;
  checks: Check[];
  /** Whether every check was. */
  ok: boolean;
}

/**
 * The run ended before there was a verified relay. The files are as they were before, but for those in `left`.
 * `cause` is the reason: a FileError, a RelayStartError, or what the signal was aborted with.
 */
export class ForegroundError extends Error {
  override readonly name = 'ForegroundError';
  readonly left: readonly string[];
  readonly interrupted: boolean;

  constructor(cause: unknown, left: readonly string[], interrupted: boolean) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.left = left;
    this.interrupted = interrupted;
  }
}

/**
 * Writes, starts and proves. A proof that fails does not stop the relay: it may be this machine alone that cannot reach
 * the address.
 * @throws ForegroundError when there is no relay in the end
 */
export async function runForeground(
  { plan, runFacts }: Prepared,
  signal: AbortSignal,
  events: ForegroundEvents = {},
  { start, probe }: ForegroundParts = { start: startRelay, probe: probeRelay },
): Promise<Running> {
  let applied: Applied | undefined;
  let relay: Relay | undefined;
  try {
    applied = await applySteps(plan.steps, runFacts, signal);
    events.onApplied?.(applied);
    relay = await start(plan.relay);
    events.onStarted?.(relay);
    const checks: Check[] = [];
    for await (const check of probe({ ...plan.probe, signal, onStart: (id) => events.onCheckStart?.(id) })) {
      checks.push(check);
      events.onCheck?.(check);
    }
    signal.throwIfAborted();
    return { relay, checks, ok: checks.every(({ ok }) => ok) };
  } catch (error) {
    await relay?.stop();
    const left = error instanceof ApplyError ? error.left : ((await applied?.undo())?.left ?? []);
    const cause = error instanceof ApplyError ? error.cause : error;
    throw new ForegroundError(cause, left, signal.aborted);
  }
}
