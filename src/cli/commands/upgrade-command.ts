/**
 * `derp-setup upgrade`: installs the version that runs this in place of the installed one, and goes back to that by
 * itself when the new one does not work.
 */
import { layoutBelow } from '../../deploy/layout.ts';
import type { Problem } from '../../setup/answers/problems.ts';
import { readInstallation } from '../../setup/installation.ts';
import { type Prepared, prepareSetup } from '../../setup/prepare.ts';
import { compareVersions } from '../../setup/versions.ts';
import { packageDirectory } from '../../system/package.ts';
import { EXIT } from '../exit-codes.ts';
import type { Flags } from '../flags.ts';
import { dryRun, installRun } from '../install-run.ts';
import { columnsOf } from '../lines/columns.ts';
import { planLines } from '../lines/plan-lines.ts';
import { whileLocked } from '../locked.ts';
import { tellProblems } from '../problem-list.ts';
import type { Session } from '../session.ts';
import { canPrompt } from '../wizard/prompter.ts';
import { confirm } from '../wizard/prompting.ts';
import { tellUnprepared } from './setup-command.ts';

/** What fetches the newest version and has that install itself. */
const NEWEST = 'npx --yes derp-setup@latest upgrade';

/** Runs the command; resolves to its exit code. */
export async function upgradeCommand(
  flags: Flags,
  _words: readonly string[],
  usage: readonly Problem[],
  session: Session,
): Promise<number> {
  const { output, messages } = session;
  const { report } = messages;
  const layout = layoutBelow('/');
  const { manifest, problems } = await readInstallation(layout);
  const all = [...usage, ...problems];
  if (manifest !== undefined && process.getuid?.() !== 0)
    all.push({ subject: 'upgrade', rule: { code: 'needs-root' } });
  const older = manifest !== undefined && compareVersions(manifest.version, __VERSION__) > 0;
  if (older)
    all.push({
      subject: 'upgrade',
      rule: { code: 'older-version', installed: manifest.version, version: __VERSION__ },
    });
  const willAsk = flags.dryRun === true || flags.yes === true || canPrompt(session);
  if (!willAsk) all.push({ subject: '--yes', flag: '--yes', rule: { code: 'needs-yes' } });
  if (all.length > 0) {
    tellProblems(all, output, messages);
    return EXIT.badInput;
  }
  if (manifest === undefined) {
    output.error(`derp-setup: ${report.nothingInstalled}`);
    output.document({ ok: false, problems: [{ code: 'not-installed', rule: report.nothingInstalled }] });
    return EXIT.failed;
  }
  if ((await packageDirectory()).startsWith(`${layout.programsDirectory}/`)) {
    // The installed program cannot know of a newer one, but npx can.
    output.answer(report.notANewerVersion(__VERSION__));
    output.answer(report.newest(NEWEST));
    output.document({ ok: true, version: __VERSION__, newest: NEWEST });
    return EXIT.done;
  }
  const prepare = () =>
    prepareSetup({
      flags: {},
      environment: {},
      root: '/',
      userRoot: '/',
      switches: { openFirewall: false, takeOver: false, overwrite: flags.overwrite === true, noStart: false },
      logLevel: 'info',
      now: new Date(),
      signal: new AbortController().signal,
    });
  if (flags.yes !== true && flags.dryRun !== true) {
    // Asked before the lock is had: the renewal must not wait for somebody to answer.
    const prepared = await prepare();
    if (!prepared.ok) return tellUnprepared([], prepared, session);
    if (!(await isAgreedTo(prepared, session))) {
      output.answer(report.nothingChanged);
      return EXIT.done;
    }
  }
  return whileLocked('/', session, async () => {
    const prepared = await prepare();
    if (!prepared.ok) return tellUnprepared([], prepared, session);
    if (flags.dryRun === true) return dryRun(prepared, session);
    return installRun(prepared, session, { mustProve: true });
  });
}

/** Shows the plan, and asks; there is nothing to ask where there is nothing to do. Throws WizardInterrupted. */
async function isAgreedTo(prepared: Prepared, session: Session): Promise<boolean> {
  const { output, messages } = session;
  if (prepared.preview.length === 0) return true;
  const options = { columns: columnsOf(process.stderr), verbose: output.verbose };
  for (const line of planLines(prepared, messages, output.paintError, options)) output.progress(line);
  output.progress('');
  return confirm(messages.plan.goOn, true, session);
}
