/** What happens where a relay is installed already: a line about it, and a menu that comes back. */
import { type Layout, layoutBelow } from '../../deploy/layout.ts';
import { type PrepareInput, resolveSetup } from '../../setup/answers/resolved.ts';
import { readInstallation } from '../../setup/installation.ts';
import { gatherStatus } from '../../setup/status/gather.ts';
import { statusOf } from '../../setup/status/status.ts';
import { EXIT } from '../exit-codes.ts';
import type { Flags } from '../flags.ts';
import { lineWidth } from '../lines/columns.ts';
import type { Session } from '../session.ts';
import { whileBusy } from './busy.ts';
import { type CarryOut, converse } from './interactive.ts';
import { chooseFromMenu, type MenuChoice, menuHeader, menuHeaderLines } from './menu.ts';
import { WizardInterrupted } from './prompter.ts';
import { createPrompter } from './prompting.ts';

/** The commands that the menu runs, by their names. */
export type MenuCommand = 'status' | 'doctor' | 'derp-map' | 'renew' | 'upgrade' | 'uninstall';
export type RunCommand = (command: MenuCommand, flags: Flags) => Promise<number>;

/** What the menu works with. */
export interface AgainInput {
  input: PrepareInput;
  carryOut: CarryOut;
  runCommand: RunCommand;
}

/** Undefined where the menu comes back, or the exit code. */
type Outcome = number | undefined;

const installedVersion = async (layout: Layout) => (await readInstallation(layout)).manifest?.version;

/** The answers of the last run are offered; saying the same again does nothing. */
async function change({ input, carryOut }: AgainInput, session: Session): Promise<Outcome> {
  const looking = session.messages.wizard.table.looking;
  const resolved = await whileBusy(looking, resolveSetup({ ...input, root: '/' }), session.output);
  const { code, carriedOut } = await converse({ input, resolved, again: true, carryOut }, session);
  return carriedOut ? code : undefined;
}

/** Does what was chosen. What only looks, or had nothing to do, leads back to the menu. */
async function act(choice: Exclude<MenuChoice, 'quit'>, again: AgainInput, session: Session): Promise<Outcome> {
  const { runCommand } = again;
  const { output, messages } = session;
  const layout = layoutBelow('/');
  const unlessDone = (code: number): Outcome => (code === EXIT.done ? undefined : code);
  const unlessInterrupted = (code: number): Outcome => (code === EXIT.interrupted ? code : undefined);
  switch (choice) {
    case 'status':
      // It ends with Ctrl-C, and says by its exit code how the relay is.
      await runCommand('status', { watch: true });
      return undefined;
    case 'check':
      return unlessInterrupted(await runCommand('doctor', {}));
    case 'paste':
      await runCommand('derp-map', {});
      output.progress(messages.report.headscale(layout.headscaleMap));
      return undefined;
    case 'change':
      return await change(again, session);
    case 'renew':
      return unlessDone(await runCommand('renew', {}));
    case 'upgrade': {
      const before = await installedVersion(layout);
      const code = await runCommand('upgrade', {});
      return code === EXIT.done && (await installedVersion(layout)) === before ? undefined : code;
    }
    case 'remove': {
      const code = await runCommand('uninstall', {});
      return code === EXIT.done && (await installedVersion(layout)) !== undefined ? undefined : code;
    }
  }
}

/** Shows the menu until somebody leaves it or something was done; resolves to the exit code. Throws WizardInterrupted. */
export async function runAgain(again: AgainInput, session: Session): Promise<number> {
  const { output, messages } = session;
  const { signal } = again.input;
  const layout = layoutBelow('/');
  const prompter = createPrompter(session, signal);
  const paint = output.paintError;
  const isRoot = process.getuid?.() === 0;
  for (;;) {
    const look = gatherStatus(layout, undefined, signal);
    const { facts } = await whileBusy(messages.wizard.menu.looking, look, output);
    const header = menuHeader(statusOf(facts));
    const width = lineWidth(process.stderr.columns);
    for (const line of ['', ...menuHeaderLines(header, messages, paint, width), '']) output.progress(line);
    const choice = await chooseFromMenu({ header, ownVersion: __VERSION__, isRoot }, { prompter, messages });
    if (choice === 'quit') return EXIT.done;
    output.progress(paint.dim(`— ${messages.wizard.menu.names[choice]}`));
    const code = await act(choice, again, session);
    if (code !== undefined) return code;
    if (signal.aborted) throw new WizardInterrupted();
  }
}
