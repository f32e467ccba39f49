/** Carries out a plan on the machine: takes the steps, then proves the relay as a client would. */
import type { Check, CheckId } from '../probe/check.ts';
import { probeRelay } from '../probe/probe.ts';
import { type Applied, ApplyError, type ApplyEvents, applySteps } from './apply.ts';
import type { Prepared } from './prepare.ts';

/** What is told while it happens. */
export interface RunEvents extends ApplyEvents {
  onProof?(host: string): void;
  onCheckStart?(id: CheckId): void;
  onCheck?(check: Check): void;
}

/** How a run ends early. */
export interface RunSignals {
  /** The first interruption: what was done is taken back. */
  signal: AbortSignal;
  /** The second: that ends too. */
  hurry: AbortSignal;
}

/** What was done, and whether the relay works. */
export interface Ran {
  applied: Applied;
  /** Empty where nothing was started. */
  checks: Check[];
  /** Whether every check was. */
  ok: boolean;
}

/** The run ended early. What was done was taken back, but for what is in `left`. `cause` is the reason. */
export class RunError extends Error {
  override readonly name = 'RunError';
  readonly failure: ApplyError;
  readonly interrupted: boolean;

  constructor(failure: ApplyError, interrupted: boolean) {
    super(failure.message, { cause: failure.cause });
    this.failure = failure;
    this.interrupted = interrupted;
  }
}

/** The proof failed where it must not: what was there before worked. */
export class ProofError extends Error {
  override readonly name = 'ProofError';
  readonly checks: readonly Check[];

  constructor(checks: readonly Check[]) {
    super('the relay could not be proved to work');
    this.checks = checks;
  }
}

/** What a run may be told beside its plan. */
export interface RunOptions {
  /** A proof that fails takes everything back: `true`, any of its checks; or these of them. */
  mustProve?: boolean | readonly CheckId[];
}

/**
 * Applies and proves. A proof that fails takes nothing back, unless that is asked for: the relay serves this machine,
 * and what keeps others from it is named by the checks.
 * @throws RunError
 */
export async function runPlan(
  prepared: Pick<Prepared, 'plan' | 'runFacts' | 'noStart'>,
  { signal, hurry }: RunSignals,
  events: RunEvents = {},
  { mustProve = [] }: RunOptions = {},
): Promise<Ran> {
  const { plan, runFacts, noStart } = prepared;
  let applied: Applied;
  try {
    applied = await applySteps(plan.steps, runFacts, signal, { ...events, hurry });
  } catch (error) {
    if (error instanceof ApplyError) throw new RunError(error, signal.aborted);
    throw error;
  }
  const checks: Check[] = [];
  if (!noStart) {
    events.onProof?.(plan.probe.host);
    for await (const check of probeRelay({ ...plan.probe, signal, onStart: (id) => events.onCheckStart?.(id) })) {
      checks.push(check);
      events.onCheck?.(check);
    }
    if (signal.aborted) {
      const failure = new ApplyError(new Error('interrupted'), undefined, await applied.undo());
      throw new RunError(failure, true);
    }
  }
  const ok = checks.every((check) => check.ok);
  const matters = ({ id }: Check) => (typeof mustProve === 'boolean' ? mustProve : mustProve.includes(id));
  if (checks.some((check) => !check.ok && matters(check)))
    throw new RunError(new ApplyError(new ProofError(checks), undefined, await applied.undo()), false);
  await applied.keep();
  return { applied, checks, ok };
}
