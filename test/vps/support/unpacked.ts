/**
 * The package unpacked on a machine and run from there, without npx around it: a run begins at once, signals reach it and
 * nothing else, and all that changes on the disk is derp-setup's own doing.
 */
import type { Finished } from './commands.ts';
import type { Machine, RunOptions } from './machine.ts';

/** What Node is given the program as. */
export const program = '/srv/derp-setup/package/bin/derp-setup.cjs';

/** What the system changes along with what it is told to: the copies that it makes of its lists of users. */
export const notOurs: readonly string[] = [
  ...['passwd', 'group', 'shadow', 'gshadow', 'subuid', 'subgid'].map((name) => `/etc/${name}-`),
  // Empty on a fresh machine; systemd removes it with the last link in it.
  '/etc/systemd/system/timers.target.wants',
];

/** The words that run it; the Node is the machine's. */
export function commandWords(args: readonly string[]): string[] {
  return ['node', program, ...args];
}

/** Unpacks the package, once for each machine. */
export async function unpackPackage(machine: Machine): Promise<void> {
  const unpack = `tar -xzf /opt/package/${machine.package.file} -C /srv/derp-setup --no-same-owner`;
  await machine.shell(`mkdir -p /srv/derp-setup && ${unpack}`);
}

/** Runs it to its end. */
export function derpSetup(machine: Machine, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const [node = '', ...rest] = commandWords(args);
  return machine.run(node, rest, { timeout: 60, ...options });
}
