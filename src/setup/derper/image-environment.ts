/**
 * Popular images of derper take their settings from variables. Where the process's own arguments cannot be seen,
 * because the container is stopped, these say the most.
 */

import { imageVariables, impliesManual } from '../derper-flags/environment.ts';

const SECRET = /KEY|SECRET|TOKEN|PASS|PSK|AUTH/;

/** The variables that derper or its images read, without those that may hold a secret. */
export function relevantEnvironment(environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(
      ([name]) => ['HOME', 'XDG_CACHE_HOME'].includes(name) || (/^DERP(ER)?_/.test(name) && !SECRET.test(name)),
    ),
  );
}

/** A command line with what the variables say; undefined where none of them is an image's. */
export function commandLineOfImage(environment: Record<string, string>): string[] | undefined {
  const flags = Object.entries(imageVariables).flatMap(([flag, names]) => {
    const name = names.find((candidate) => (environment[candidate] ?? '') !== '');
    return name === undefined ? [] : [`-${flag}=${environment[name]}`];
  });
  if (flags.length === 0) return undefined;
  return ['derper', ...flags, ...(impliesManual(environment) ? ['-certmode=manual'] : [])];
}
