/** Self-signed certificates: the next one is prepared in time, and served on command or at the last moment. */
import type { FilePurpose } from '../../deploy/steps.ts';
import { policySnippet } from '../../derp-map/region.ts';
import { applySteps } from '../../setup/apply.ts';
import { nodeEntry } from '../../setup/certificate/node.ts';
import { NotServedError } from '../../setup/certificate/serving.ts';
import { prepareSuccession, type Succession, switchToNext } from '../../setup/certificate/succession.ts';
import { prepareSetup } from '../../setup/prepare.ts';
import { tellUnprepared } from '../commands/setup-command.ts';
import { EXIT } from '../exit-codes.ts';
import { formatDay, formatTime } from '../lines/figures.ts';
import type { RenewRun } from './run.ts';

const DAY_MS = 24 * 3600 * 1000;
/** What names the pin, and the list that has the digests of those files. */
const REWRITTEN: readonly FilePurpose[] = ['derp-map', 'headscale-map', 'manifest'];

/** Serves the next one, and writes what now says its pin. */
async function switchOver(
  { answers, layout, input, session, signal }: RenewRun,
  { next }: { next: { pin: string } },
  change: () => Promise<void>,
) {
  const { output, messages } = session;
  try {
    await change();
  } catch (error) {
    if (!(error instanceof NotServedError)) throw error;
    output.error(`derp-setup: ${messages.certificates.notServed(error.port)}`);
    output.document({ ok: false, problems: [{ code: 'not-served', rule: error.message }] });
    return EXIT.failed;
  }
  const prepared = await prepareSetup({ ...input, now: new Date() });
  if (!prepared.ok) return tellUnprepared([], prepared, session);
  const maps = prepared.plan.steps.filter((step) => step.kind === 'file' && REWRITTEN.includes(step.purpose));
  const applied = await applySteps(maps, prepared.runFacts, signal);
  await applied.keep();
  output.answer(messages.certificates.switched(next.pin));
  for (const line of policySnippet(prepared.plan.derpMap).split('\n')) output.answer(`  ${line}`);
  const { notAfter } = prepared.certificate;
  output.document({
    ok: true,
    renewed: true,
    certificate: { mode: answers.cert, file: layout.certificate(answers.host), pin: next.pin, notAfter },
    derpMap: prepared.plan.derpMap,
  });
  return EXIT.done;
}

function tellNext({ answers, session }: RenewRun, found: Extract<Succession, { kind: 'ready' }>): number {
  const { output, messages } = session;
  const { certificates } = messages;
  const { now, next, switchAt } = found;
  const days = Math.max(0, Math.floor((now.notAfter.getTime() - Date.now()) / DAY_MS));
  output.answer(certificates.nextReady(days, formatDay(now.notAfter)));
  const [entryNow, entryNext] = [nodeEntry(answers, now.pin), nodeEntry(answers, next.pin)];
  output.answer(certificates.entryNow);
  output.answer(`  ${JSON.stringify(entryNow)}`);
  output.answer(certificates.entryNext);
  output.answer(`  ${JSON.stringify(entryNext)}`);
  for (const line of certificates.switchBy(formatTime(switchAt)).split('\n')) output.answer(line);
  output.document({
    ok: true,
    renewed: false,
    certificate: { mode: answers.cert, pin: now.pin, notAfter: now.notAfter.toISOString() },
    next: { pin: next.pin, notAfter: next.notAfter.toISOString(), switchAt: switchAt.toISOString() },
    nodes: { now: entryNow, next: entryNext },
  });
  return EXIT.done;
}

/** Resolves to the exit code. */
export async function renewSelfSigned(run: RenewRun): Promise<number> {
  const { answers, layout, force, wantsSwitch, session, signal } = run;
  const { output, messages } = session;
  const { host, derpPort } = answers;
  const found = await prepareSuccession(layout, host, { wantsSwitch, wantsNext: force }, new Date());
  switch (found.kind) {
    case 'good': {
      const { notAfter, pin } = found.now;
      output.answer(messages.certificates.notDue(formatDay(notAfter), formatDay(found.from)));
      const certificate = { mode: answers.cert, pin, notAfter: notAfter.toISOString() };
      output.document({ ok: true, renewed: false, certificate, dueAt: found.from.toISOString() });
      return EXIT.done;
    }
    case 'nothing-to-switch':
      output.error(`derp-setup: ${messages.certificates.nothingToSwitch}`);
      output.document({
        ok: false,
        problems: [{ code: 'nothing-to-switch', rule: messages.certificates.nothingToSwitch }],
      });
      return EXIT.failed;
    case 'ready':
      return tellNext(run, found);
    case 'switch':
      return switchOver(run, found, () => switchToNext(layout, host, derpPort, found.next, signal));
  }
}
