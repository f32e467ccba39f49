import type { CloseFirewallStep, FirewallStep } from '../../deploy/steps.ts';
import {
  closedPorts,
  closePorts,
  closingCommands,
  detectFirewall,
  isFirewallTool,
  openPorts,
  ruleCommands,
} from '../../system/firewall.ts';
import type { StepHandler } from './handler.ts';

/** Lets clients in through the machine's own firewall. */
export const firewallHandler: StepHandler<FirewallStep> = {
  async inspect({ openings }) {
    const firewall = await detectFirewall();
    if (firewall === undefined) return undefined;
    const closed = await closedPorts(firewall, openings);
    if (closed.length === 0) return undefined;
    return { change: 'run', details: ruleCommands(firewall, closed).map((command) => command.join(' ')) };
  },

  async apply({ openings }, { remember }) {
    const firewall = await detectFirewall();
    if (firewall === undefined) return;
    const closed = await closedPorts(firewall, openings);
    const what = closed.map(({ port, protocol }) => `${firewall.tool} ${port}/${protocol}`).join(', ');
    remember({ what, now: () => closePorts(firewall, closed) });
    await openPorts(firewall, closed);
  },
};

/** Takes back the rules that were added for the relay, also from a firewall that was switched off since. */
export const closeFirewallHandler: StepHandler<CloseFirewallStep> = {
  async inspect({ openings, tool }) {
    if (!isFirewallTool(tool)) return undefined;
    const commands = await closingCommands({ tool }, openings);
    if (commands.length === 0) return undefined;
    return { change: 'run', details: openings.map(({ port, protocol }) => `${port}/${protocol}`) };
  },

  async apply({ openings, tool }, { remember }) {
    if (!isFirewallTool(tool)) return;
    remember({ what: tool, now: () => openPorts({ tool }, openings) });
    await closePorts({ tool }, openings);
  },
};
