/** Flags without a value, which the environment can set as well: `--yes` is `DERP_SETUP_YES=1`. */
import type { Problem } from '../setup/answers/problems.ts';
import { environmentName } from '../setup/answers/questions.ts';
import type { Flags } from './flags.ts';

/** The switches of all commands. */
const SWITCHES = {
  yes: '--yes',
  json: '--json',
  once: '--once',
  quiet: '--quiet',
  verbose: '--verbose',
  dryRun: '--dry-run',
  noStart: '--no-start',
  openFirewall: '--open-firewall',
  takeOver: '--take-over',
  overwrite: '--overwrite',
} as const;

const MEANINGS: Record<string, boolean> = { '1': true, true: true, yes: true, '0': false, false: false, no: false };

/** The flags with the switches that only the environment sets, and what is wrong with those. */
export function addEnvironmentSwitches(
  flags: Flags,
  environment: Record<string, string | undefined>,
): { flags: Flags; problems: Problem[] } {
  const merged: Flags = { ...flags };
  const problems: Problem[] = [];
  for (const [name, flag] of Object.entries(SWITCHES)) {
    const subject = environmentName(flag);
    const value = environment[subject];
    if (!value || flags[name] !== undefined) continue;
    const meaning = MEANINGS[value.toLowerCase()];
    if (meaning === undefined)
      problems.push({ subject, flag, value, rule: { code: 'not-one-of', choices: ['1', '0'] } });
    else merged[name] = meaning;
  }
  return { flags: merged, problems };
}
