/** What scripts/test-real.mjs hands to the suite: where the programs are, where to work, what to call the namespaces. */
import { fileURLToPath } from 'node:url';

/** The two servers that the same scenarios are run against: our relay, and Tailscale's own as the control. */
export type ServerKind = 'ours' | 'derper';

const allKinds: readonly ServerKind[] = ['derper', 'ours'];

function fromScript(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run this suite by:  npm run test:real interop`);
  return value;
}

/** The folder with the programs built from the pins beside this suite. */
export function toolsFolder(): string {
  return fromScript('DERP_INTEROP_TOOLS');
}

/** The path of one of the programs built from the pins, for example `tailscaled`. */
export function tool(name: string): string {
  return `${toolsFolder()}/${name}`;
}

/** The folder of this run, for logs, sockets, keys and certificates. */
export function workFolder(): string {
  return fromScript('DERP_INTEROP_WORK');
}

/** What the name of every namespace of this run begins with. */
export function namespacePrefix(): string {
  return fromScript('DERP_INTEROP_PREFIX');
}

/** The top folder of this repository. */
export const topFolder = fileURLToPath(new URL('../../..', import.meta.url));

/** The servers to run the scenarios against: both, or the one that `DERP_INTEROP_SERVER` names. */
export function serversUnderTest(): readonly ServerKind[] {
  const only = process.env.DERP_INTEROP_SERVER;
  if (!only) return allKinds;
  const chosen = allKinds.filter((kind) => kind === only);
  if (chosen.length === 0) throw new Error(`DERP_INTEROP_SERVER is "${only}"; it can be: ${allKinds.join(', ')}`);
  return chosen;
}
