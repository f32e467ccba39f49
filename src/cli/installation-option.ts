/** Which installation a command is about. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Layout } from '../deploy/layout.ts';
import type { Problem } from '../setup/answers/problems.ts';
import { locateInstallation, type Places } from '../setup/status/gather.ts';
import { EXIT } from './exit-codes.ts';
import type { Flags } from './flags.ts';
import type { Session } from './session.ts';

/** `--root`, or where to look when it is not given. A value that is missing is added to the problems. */
export function readPlaces(flags: Flags, environment: Session['environment'], problems: Problem[]): Places {
  const userRoot = join(environment.XDG_STATE_HOME || join(homedir(), '.local/state'), 'derp-setup');
  const given = flags.root ?? (environment.DERP_SETUP_ROOT || undefined);
  if (given === undefined) return { root: undefined, userRoot };
  if (typeof given === 'string' && given !== '') return { root: resolve(given), userRoot };
  problems.push({ subject: '--root', flag: '--root', rule: { code: 'missing-value' } });
  return { root: undefined, userRoot };
}

/** The installation that is there, or the exit code after saying that there is none and how to get one. */
export async function findInstallation(
  places: Places,
  { output, messages }: Session,
): Promise<Layout | typeof EXIT.failed> {
  const layout = await locateInstallation(places);
  if (layout !== undefined) return layout;
  const { notInstalled, notInstalledBelow, install } = messages.status;
  const reason = places.root === undefined ? notInstalled : notInstalledBelow(places.root);
  output.error(`derp-setup: ${reason}`);
  output.error(`  → ${install}`);
  output.document({ ok: false, problems: [{ code: 'not-installed', rule: reason, remedy: install }] });
  return EXIT.failed;
}
