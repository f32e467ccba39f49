/** Certificates of an authority: ordered anew when they are due. */
import { orderOf } from '../../setup/certificate/order.ts';
import { type RenewalOutcome, renewOrdered } from '../../setup/certificate/renew.ts';
import { EXIT } from '../exit-codes.ts';
import { formatDay, formatTime } from '../lines/figures.ts';
import type { Messages } from '../messages/en.ts';
import { orderFailure } from '../order-failure.ts';
import type { RenewRun } from './run.ts';

/** Why there is no new certificate, in a line, and what mends it. */
export function renewalTrouble(
  outcome: Exclude<RenewalOutcome, { kind: 'not-due' | 'renewed' }>,
  messages: Messages,
): { code: string; reason: string; more: readonly string[] } {
  const { certificates } = messages;
  switch (outcome.kind) {
    case 'waiting': {
      const reason = certificates.waiting(formatTime(outcome.wait.until), outcome.detail);
      return { code: 'order-waits', reason, more: [] };
    }
    case 'not-served':
      return { code: 'not-served', reason: certificates.notServed(outcome.port), more: [] };
    case 'failed': {
      const [reason = '', ...more] = orderFailure(outcome, messages);
      return { code: outcome.obstacle.code, reason, more };
    }
  }
}

/** Resolves to the exit code. */
export async function renewOrderedCertificate(run: RenewRun): Promise<number> {
  const { answers, layout, force, session, signal } = run;
  const { output, messages, environment } = session;
  const { certificates } = messages;
  const { host } = answers;
  const order = orderOf(answers, layout);
  output.busy(certificates.order(host));
  const outcome = await renewOrdered({ order, layout, force, environment, signal });
  output.idle();
  const certificate = {
    mode: answers.cert,
    file: layout.certificate(host),
    notAfter: outcome.notAfter?.toISOString() ?? null,
  };
  const fail = (code: string, reason: string, more: readonly string[] = []) => {
    output.error(`derp-setup: ${reason}`);
    for (const line of more) output.error(`  → ${line}`);
    const { notAfter } = outcome;
    const isGood = notAfter !== undefined && notAfter > new Date();
    output.error(isGood ? certificates.stillServed(formatTime(notAfter)) : certificates.ended);
    output.document({ ok: false, renewed: false, certificate, problems: [{ code, rule: reason, remedy: more[0] }] });
    return EXIT.failed;
  };
  switch (outcome.kind) {
    case 'not-due':
      output.answer(certificates.notDue(formatDay(outcome.notAfter), formatTime(outcome.renewal.at)));
      output.document({ ok: true, renewed: false, certificate, dueAt: outcome.renewal.at.toISOString() });
      return EXIT.done;
    case 'renewed': {
      const { window, notAfter } = outcome;
      if (window?.explanation !== undefined) output.progress(certificates.authorityAsks(window.explanation));
      output.answer(certificates.renewed(host, formatTime(notAfter)));
      output.document({ ok: true, renewed: true, certificate });
      return EXIT.done;
    }
    default: {
      const { code, reason, more } = renewalTrouble(outcome, messages);
      return fail(code, reason, more);
    }
  }
}
