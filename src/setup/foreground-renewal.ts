/** Renews the certificate of a relay in the foreground, for as long as it serves: no timer of the machine does. */
import { setTimeout as delay } from 'node:timers/promises';
import type { CertificateOrder } from '../deploy/steps.ts';
import { type RenewalOutcome, renewOrdered } from './certificate/renew.ts';
import { type CertificateFilesOf, ownServing } from './certificate/serving.ts';

/** As often as the timer of an installed relay, milliseconds: an authority may want to be asked earlier than it said. */
const LONGEST_PAUSE_MS = 12 * 3600 * 1000;
/** After a failure; the order's own memory keeps it from asking the authority too often. */
const PAUSE_AFTER_FAILURE_MS = 3600 * 1000;
const SHORTEST_PAUSE_MS = 5_000;

/** How long to wait before the next look, milliseconds. */
export function pauseAfter(outcome: RenewalOutcome, now: Date): number {
  const until = (date: Date) => Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, date.getTime() - now.getTime()));
  switch (outcome.kind) {
    case 'not-due':
      return until(outcome.renewal.at);
    case 'renewed':
      // The new one says when it is due.
      return SHORTEST_PAUSE_MS;
    case 'waiting':
      return until(outcome.wait.until);
    case 'failed':
    case 'not-served':
      return PAUSE_AFTER_FAILURE_MS;
  }
}

/** What is renewed, and who is told. */
export interface ForegroundRenewalInput {
  order: CertificateOrder;
  layout: CertificateFilesOf;
  environment: Record<string, string | undefined>;
  /** Ends it. */
  signal: AbortSignal;
  onOutcome(outcome: RenewalOutcome): void;
  /** Something that no outcome speaks of, such as a full disk. */
  onError(error: unknown): void;
}

/** Looks again and again whether a certificate is due, and renews it; resolves when the signal is aborted. */
export async function keepRenewing(
  relay: { reload(): Promise<void> },
  { onOutcome, onError, ...input }: ForegroundRenewalInput,
): Promise<void> {
  const { signal } = input;
  const serving = ownServing(relay);
  while (!signal.aborted) {
    let pause = PAUSE_AFTER_FAILURE_MS;
    try {
      const outcome = await renewOrdered({ ...input, force: false, serving });
      pause = pauseAfter(outcome, new Date());
      onOutcome(outcome);
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    await delay(pause, undefined, { signal }).catch(() => {});
  }
}
