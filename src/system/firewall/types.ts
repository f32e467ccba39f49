/** What the parts of the firewall adapter hand to each other. */
import { CommandError, type Run } from '../processes.ts';

/** A port that clients must reach from anywhere. */
export interface Opening {
  protocol: 'tcp' | 'udp';
  port: number;
}

/** The programs by which rules are kept. */
export type FirewallTool = 'ufw' | 'firewalld' | 'nftables' | 'iptables';

/**
 * Whether strangers get in by a port, over IPv4 and IPv6 alike. `closed`: no rule is about it, and what no rule is
 * about stays out; `refused`: a rule that somebody wrote for this very port keeps them out.
 */
export type OpeningState = 'open' | 'closed' | 'refused';

/** One reading of a firewall's rules, and what follows from it. Looking at it changes nothing and runs nothing. */
export interface Firewall {
  readonly tool: FirewallTool;
  /** It decides about what comes in, now. */
  readonly inForce: boolean;
  /** What is opened by it stays open when the machine starts again. */
  readonly lasting: boolean;
  /** Where a person would write the rules for that, if they do not last and the file is known. */
  readonly rulesFile?: string;
  stateOf(opening: Opening): OpeningState;
  /** What opens those that are not open. */
  openCommands(openings: readonly Opening[]): string[][];
  /** What removes the rules that we have added for these, if they are there. */
  closeCommands(openings: readonly Opening[]): string[][];
}

/** How the machine is looked at. */
export interface FirewallAccess {
  run: Run;
  exists(path: string): Promise<boolean>;
  /** The interface by which strangers come in; undefined when it is not known. */
  outerInterface: string | undefined;
}

/** What our rules carry, where a tool has a place for it, so that they can be told from others'. */
export const COMMENT = 'derp-setup';

/** Time for a program that only reads or changes a few rules; some of them are slow scripts. */
export const TOOL_TIMEOUT_MS = 30_000;

/** The output of a program; undefined when it is not there, may not be run by this user, or fails. */
export async function outputOf(
  access: FirewallAccess,
  command: string,
  ...args: string[]
): Promise<string | undefined> {
  try {
    const { code, stdout } = await access.run(command, args, { timeoutMs: TOOL_TIMEOUT_MS });
    return code === 0 ? stdout : undefined;
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/** The state of a port by the states of its parts: every one must be open. */
export function combinedState(states: readonly OpeningState[]): OpeningState {
  if (states.includes('refused')) return 'refused';
  return states.includes('closed') ? 'closed' : 'open';
}
