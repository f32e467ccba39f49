/** A relay in the foreground: its certificate of an authority is renewed while it serves. */
import type { Relay } from '../../relay/relay.ts';
import { orderOf } from '../../setup/certificate/order.ts';
import type { RenewalOutcome } from '../../setup/certificate/renew.ts';
import { keepRenewing } from '../../setup/foreground-renewal.ts';
import type { Prepared } from '../../setup/prepare.ts';
import { formatTime } from '../lines/figures.ts';
import type { Session } from '../session.ts';
import { renewalTrouble } from './ordered.ts';

/** Renews the certificate until it is stopped, and tells of it. */
export function renewMeanwhile(
  { answers, layout }: Prepared,
  relay: Relay,
  session: Session,
): { stop(): Promise<void> } {
  const { output, messages, environment } = session;
  const ended = new AbortController();
  const onOutcome = (outcome: RenewalOutcome) => {
    if (outcome.kind === 'not-due') return;
    if (outcome.kind === 'renewed') {
      output.progress(messages.certificates.renewed(answers.host, formatTime(outcome.notAfter)));
      return;
    }
    const { reason, more } = renewalTrouble(outcome, messages);
    output.error(`derp-setup: ${reason}`);
    for (const line of more) output.error(`  → ${line}`);
  };
  const onError = (error: unknown) =>
    output.error(`derp-setup: ${error instanceof Error ? error.message : String(error)}`);
  const order = orderOf(answers, layout);
  const renewing = keepRenewing(relay, { order, layout, environment, signal: ended.signal, onOutcome, onError });
  return {
    stop: () => {
      ended.abort();
      return renewing;
    },
  };
}
