/** Tells why a run ended early, and what became of what it had done. */

import { OrderError } from '../cert/acme/obstacle.ts';
import { EngineSilentError } from '../setup/compose/engine.ts';
import { StopRefusedError } from '../setup/derper/stop.ts';
import { SitesError } from '../setup/nginx/site-answers.ts';
import { ProofError, type RunError } from '../setup/run.ts';
import { ContainerError } from '../setup/steps/compose.ts';
import { ImageError } from '../setup/steps/image.ts';
import { ServiceError } from '../setup/steps/service.ts';
import { FileError } from '../system/files.ts';
import { FirewallError } from '../system/firewall.ts';
import { NginxError } from '../system/nginx.ts';
import { EXIT } from './exit-codes.ts';
import { harmless } from './lines/text.ts';
import type { Messages } from './messages/en.ts';
import { orderFailure } from './order-failure.ts';
import { wordingOf } from './problem-list.ts';
import type { Session } from './session.ts';

/** What could not be written, why, and what mends it. */
function explainFile({ path, action, problem, reason }: FileError, messages: Messages): Explanation {
  const { report } = messages;
  const { rule } = wordingOf({ code: 'file', action, problem, detail: reason }, messages);
  const remedy = report.writeRemedies[problem];
  return { reason: report.cannotWrite(path, rule), more: remedy === undefined ? [] : [`→ ${remedy}`] };
}

/** Why a run failed, in a line, and what else is known of it. */
interface Explanation {
  reason: string;
  more: string[];
}

/** What nginx or its sites have against it. */
function explainNginx(cause: NginxError | SitesError, { nginx }: Messages): Explanation {
  if (cause instanceof SitesError) {
    const more = cause.changed.map(({ site, before, after }) =>
      nginx.siteChanged(site.name, site.address, before, after),
    );
    return {
      reason: nginx.sitesChanged(cause.changed.length),
      more: [...more.map((line) => `  ${line}`), `  → ${nginx.sitesRemedy}`],
    };
  }
  const said = cause.said.map(harmless);
  if (cause.problem === 'test') return { reason: nginx.testFailed(said), more: [] };
  const { denied, busy, other } = nginx.reloadRemedy;
  const text = said.join(' ');
  const remedy = /\(13:/.test(text) ? denied : /\(98:/.test(text) ? busy : other;
  return { reason: nginx.reloadFailed(said), more: [`  → ${remedy}`] };
}

function explain({ failure: { cause } }: RunError, messages: Messages): Explanation {
  const { report } = messages;
  if (cause instanceof FileError) return explainFile(cause, messages);
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
  if (cause instanceof ContainerError) {
    const { container, problem, exitStatus, log } = cause;
    const reasons = {
      refused: () => report.containerRefused(container),
      ended: () => report.serviceEnded(container, exitStatus),
      silent: () => report.serviceSilent(container),
      stale: () => report.serviceStale(container),
    };
    const title = problem === 'refused' ? report.dockerSaid : report.journal;
    const more = log.length === 0 ? [] : [title, ...log.map((line) => `  ${line}`)];
    return { reason: reasons[problem](), more };
  }
  if (cause instanceof EngineSilentError) {
    const { rule, remedy } = wordingOf({ code: 'docker-stopped' }, messages);
    return { reason: `derp-relay ${rule}`, more: remedy === undefined ? [] : [`  → ${remedy}`] };
  }
  if (cause instanceof ImageError) {
    const { image, message } = cause;
    return {
      reason: report.imageNotPulled(image, message),
      more: report.imageRemedies(image).map((line) => `  → ${line}`),
    };
  }
  if (cause instanceof OrderError) {
    const [reason = '', ...more] = orderFailure(cause, messages);
    return { reason, more: more.map((line) => `  → ${line}`) };
  }
  if (cause instanceof NginxError || cause instanceof SitesError) return explainNginx(cause, messages);
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
  output.error(left.length > 0 ? report.left(left.map(harmless)) : report.undone);
  if (left.length > 0) output.error(report.leftRemedy);
  if (failure.kept.length > 0) output.error(messages.certificates.kept(failure.kept.map(harmless)));
  const problem = { code: interrupted ? 'interrupted' : 'failed', rule: reason, ...(more.length > 0 && { more }) };
  output.document({ ok: false, problems: [problem], undone, left, kept: failure.kept });
  if (left.length > 0) return EXIT.notUndone;
  return interrupted ? EXIT.interrupted : EXIT.failed;
}
