/** What is done about this machine's firewalls: opened, where that was asked for, or told what to type. */
import type { Manifest } from '../deploy/manifest.ts';
import type { Opening } from '../deploy/steps.ts';
import { type Firewall, refusedPorts, ruleCommands } from '../system/firewall.ts';
import type { Note } from './answers/notes.ts';
import type { Problem } from './answers/problems.ts';
import type { Facts } from './facts.ts';

/** What the choice depends on. */
export interface FirewallLook {
  facts: Pick<Facts, 'firewall' | 'furtherFirewalls'>;
  manifest: Manifest | undefined;
  /** A service is started on this machine; otherwise nobody needs to be let in. */
  serves: boolean;
  /** The ports that clients must reach. */
  openings: readonly Opening[];
  openFirewall: boolean;
}

/** The choice. */
export interface FirewallChoice {
  /** The one to open. */
  tool?: string;
  /** What this run opens in it, and what earlier ones did. */
  openings: readonly Opening[];
  notes: Note[];
  problems: Problem[];
}

const spell = ({ port, protocol }: Opening) => `${port}/${protocol}`;

const closedPorts = (firewall: Firewall, openings: readonly Opening[]) =>
  openings.filter((opening) => firewall.stateOf(opening) !== 'open');

/** What a person must know about a firewall that is left as it is. */
function tellOf(firewall: Firewall, openings: readonly Opening[]): Note[] {
  const { tool } = firewall;
  const refused = refusedPorts(firewall, openings);
  const closed = closedPorts(firewall, openings).filter((opening) => !refused.includes(opening));
  const commands = ruleCommands(firewall, closed).map((command) => command.join(' '));
  return [
    ...(closed.length > 0 ? [{ code: 'firewall-closed' as const, tool, commands }] : []),
    ...(refused.length > 0 ? [{ code: 'firewall-refuses' as const, tool, ports: refused.map(spell) }] : []),
  ];
}

/** Judges the rules as they were read. Pure. */
export function chooseFirewall(look: FirewallLook): FirewallChoice {
  const { facts, manifest, serves, openings, openFirewall } = look;
  const { firewall, furtherFirewalls = [] } = facts;
  if (firewall === undefined || !serves) return { openings: [], notes: [], problems: [] };
  const { tool } = firewall;
  const before = manifest?.firewall?.tool === tool ? manifest.firewall.openings : [];
  // Where several are in force, a port must be open in each; the others are their owner's business.
  const others = furtherFirewalls.flatMap((one) => tellOf(one, openings));
  const closed = closedPorts(firewall, openings);
  const isWanted = openFirewall || (manifest?.firewall !== undefined && closed.length === 0);
  // What an earlier run opened stays part of the installation.
  if (!isWanted) return { openings: [], notes: [...tellOf(firewall, openings), ...others], problems: [] };
  const refused = refusedPorts(firewall, openings).map(spell);
  const flag = '--open-firewall';
  const rule = { code: 'firewall-refuses' as const, tool, ports: refused };
  const lasting: Note[] = firewall.lasting || closed.length === 0 ? [] : [{ code: 'firewall-not-lasting', tool }];
  return {
    tool,
    openings: [...before, ...closed.filter((opening) => !before.some((known) => spell(known) === spell(opening)))],
    notes: [...lasting, ...others],
    problems: refused.length > 0 ? [{ subject: flag, flag, rule }] : [],
  };
}
