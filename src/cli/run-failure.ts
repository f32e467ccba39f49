/** Tells why a run ended early, and what became of what it had done. */

import { StopRefusedError } from '../setup/derper/stop.ts';
import { ProofError, type RunError } from '../setup/run.ts';
import { ServiceError } from '../setup/steps/service.ts';
import { FirewallError } from '../system/firewall.ts';
import { EXIT } from './exit-codes.ts';
import type { Messages } from './messages/en.ts';
import type { Session } from './session.ts';

/** Why a run failed, in a line, and what else is known of it. */
function explain({ failure: { cause } }: RunError, { report }: Messages): { reason: string; more: string[] } {
  if (cause instanceof ServiceError) {
    const { unit, problem, exitStatus, journal } = cause;
    const reasons = {
      ended: () => report.serviceEnded(unit, exitStatus),
      silent: () => report.serviceSilent(unit),
      stale: () => report.serviceStale(unit),
    };
    const reason = reasons[problem]();
    return { reason, more: journal.length === 0 ? [] : [report.journal, ...journal.map((line) => `  ${line}`)] };
  }
  if (cause instanceof ProofError) return { reason: report.notProved, more: [] };
  if (cause instanceof StopRefusedError) return { reason: report.derperNotStopped(cause.refusal.code), more: [] };
  if (cause instanceof FirewallError) {
    const { tool, problem, openings } = cause;
    const ports = openings.map(({ port, protocol }) => `${port}/${protocol}`).join(', ');
    const { reason, remedy } = report.firewallFailed[problem](tool, ports);
    return { reason, more: [`  → ${remedy}`] };
  }
  return { reason: cause instanceof Error ? cause.message : String(cause), more: [] };
}

/** Tells it; the exit code. */
export function tellRunFailure(error: RunError, { output, messages }: Session): number {
  const { report } = messages;
  const { failure, interrupted } = error;
  const { reason, more } = interrupted ? { reason: report.interrupted, more: [] } : explain(error, messages);
  output.idle();
  output.error(interrupted ? reason : `derp-setup: ${reason}`);
  for (const line of more) output.error(line);
  const { left, undone } = failure;
  output.error(left.length > 0 ? report.left(left) : report.undone);
  const problem = { code: interrupted ? 'interrupted' : 'failed', rule: reason, ...(more.length > 0 && { more }) };
  output.document({ ok: false, problems: [problem], undone, left });
  if (left.length > 0) return EXIT.notUndone;
  return interrupted ? EXIT.interrupted : EXIT.failed;
}
