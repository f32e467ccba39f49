/**
 * The machine's own firewall: which one decides about what comes in, which ports it keeps shut, and opening those.
 * Rules are read and changed as root only.
 */
import { readFile } from 'node:fs/promises';
import { kindOf } from './files.ts';
import { readFirewalld } from './firewall/firewalld.ts';
import { readIptablesFirewall } from './firewall/iptables.ts';
import { readNftables } from './firewall/nftables.ts';
import { findOuterInterface } from './firewall/outer-interface.ts';
import {
  type Firewall,
  type FirewallAccess,
  type FirewallTool,
  type Opening,
  TOOL_TIMEOUT_MS,
} from './firewall/types.ts';
import { readUfwFirewall } from './firewall/ufw.ts';
import { mustRun, run } from './processes.ts';

export type { Firewall, FirewallAccess, FirewallTool, Opening } from './firewall/types.ts';

/** A firewall could not be brought to let ports in. */
export class FirewallError extends Error {
  override readonly name = 'FirewallError';
  readonly tool: FirewallTool;
  /**
   * `refused`: somebody has written a rule against these very ports, which is not ours to overrule; `ineffective`:
   * the rules were added and something else keeps the ports shut; `unreadable`: the rules cannot be read any more.
   */
  readonly problem: 'refused' | 'ineffective' | 'unreadable';
  readonly openings: readonly Opening[];

  constructor(tool: FirewallTool, problem: FirewallError['problem'], openings: readonly Opening[]) {
    super(`${tool} (${problem}): ${openings.map(({ port, protocol }) => `${port}/${protocol}`).join(', ')}`);
    this.tool = tool;
    this.problem = problem;
    this.openings = openings;
  }
}

/** Whether a name, as from a file, is that of a firewall's program. */
export function isFirewallTool(name: string): name is FirewallTool {
  return Object.hasOwn(READERS, name);
}

/** In this order the first that is in force is the one to use: ufw and firewalld keep their rules in the others. */
const READERS: Record<FirewallTool, (access: FirewallAccess) => Promise<Firewall | undefined>> = {
  ufw: readUfwFirewall,
  firewalld: readFirewalld,
  iptables: readIptablesFirewall,
  nftables: readNftables,
};

/** This machine, as it is looked at when nothing else is given. */
async function thisMachine(): Promise<FirewallAccess> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const [routes, routes6] = await Promise.all([read('/proc/net/route'), read('/proc/net/ipv6_route')]);
  return {
    run,
    exists: async (path) => (await kindOf(path)) !== 'missing',
    outerInterface: findOuterInterface(routes, routes6),
  };
}

/**
 * The firewall that decides about what comes in: ufw or firewalld when they are in use, otherwise rules of iptables or
 * nftables that keep out whatever they are not about. Undefined when there is none, or this user may not see it.
 */
export async function detectFirewall(access?: FirewallAccess): Promise<Firewall | undefined> {
  return (await detectFirewalls(access))[0];
}

/** All that are in force. Where there are several, a port must be open in each of them. */
export async function detectFirewalls(access?: FirewallAccess): Promise<Firewall[]> {
  const given = access ?? (await thisMachine());
  const found = await Promise.all(Object.values(READERS).map((read) => read(given)));
  return found.filter((firewall) => firewall?.inForce) as Firewall[];
}

async function readAgain(tool: FirewallTool, openings: readonly Opening[], access?: FirewallAccess): Promise<Firewall> {
  const firewall = await READERS[tool](access ?? (await thisMachine()));
  if (firewall === undefined) throw new FirewallError(tool, 'unreadable', openings);
  return firewall;
}

async function runAll(commands: readonly string[][], access?: FirewallAccess): Promise<void> {
  for (const [command = '', ...args] of commands) {
    await mustRun(command, args, { timeoutMs: TOOL_TIMEOUT_MS }, access?.run);
  }
}

/**
 * Which of the ports do not let everybody in, by IPv4 and IPv6, now and after a reboot where the tool can tell.
 * @throws FirewallError when the rules cannot be read any more
 */
export async function closedPorts(
  { tool }: Pick<Firewall, 'tool'>,
  openings: readonly Opening[],
  access?: FirewallAccess,
): Promise<Opening[]> {
  const firewall = await readAgain(tool, openings, access);
  return openings.filter((opening) => firewall.stateOf(opening) !== 'open');
}

/** Which of the ports a rule of somebody's own keeps shut; `openPorts` leaves that to the person. */
export function refusedPorts(firewall: Firewall, openings: readonly Opening[]): Opening[] {
  return openings.filter((opening) => firewall.stateOf(opening) === 'refused');
}

/** The commands that `openPorts` would run, by the rules as `firewall` has read them. */
export function ruleCommands(firewall: Firewall, openings: readonly Opening[]): string[][] {
  return firewall.openCommands(openings);
}

/**
 * Opens those of the ports that are not open, and sees that they are.
 * @throws FirewallError, and CommandError when a command fails
 */
export async function openPorts(
  { tool }: Pick<Firewall, 'tool'>,
  openings: readonly Opening[],
  access?: FirewallAccess,
): Promise<void> {
  const firewall = await readAgain(tool, openings, access);
  const refused = refusedPorts(firewall, openings);
  if (refused.length > 0) throw new FirewallError(tool, 'refused', refused);
  await runAll(firewall.openCommands(openings), access);
  const closed = await closedPorts({ tool }, openings, access);
  if (closed.length > 0) throw new FirewallError(tool, 'ineffective', closed);
}

/**
 * The commands that `closePorts` would run: none when the rules are not there any more. Also for a firewall that is
 * switched off and keeps its rules.
 */
export async function closingCommands(
  { tool }: Pick<Firewall, 'tool'>,
  openings: readonly Opening[],
  access?: FirewallAccess,
): Promise<string[][]> {
  const firewall = await READERS[tool](access ?? (await thisMachine()));
  return firewall?.closeCommands(openings) ?? [];
}

/**
 * Removes the rules that `openPorts` has added for these ports; rules of others stay, and none may be left to remove.
 * firewalld has no place for a mark: there the ports themselves are removed from the zone, so only ports that were
 * opened by us must be given.
 * @throws FirewallError, and CommandError when a command fails
 */
export async function closePorts(
  { tool }: Pick<Firewall, 'tool'>,
  openings: readonly Opening[],
  access?: FirewallAccess,
): Promise<void> {
  const firewall = await readAgain(tool, openings, access);
  await runAll(firewall.closeCommands(openings), access);
}
