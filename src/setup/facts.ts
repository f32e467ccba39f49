/** What the machine is, as far as the answers and the plan depend on it. */
import { type Docker, findDocker } from '../system/docker.ts';
import { detectFirewalls, type Firewall } from '../system/firewall.ts';
import { describeMachine, type Machine } from '../system/machine.ts';
import { bestHost, type LocalAddress, localAddresses } from '../system/network.ts';
import { describeRuntime, type NodeRuntime } from '../system/node-runtime.ts';
import { findTailscaled, type Tailscaled } from '../system/tailscaled.ts';
import type { ExistingDerper } from './derper/existing.ts';
import { findDerper } from './derper/find.ts';
import { findNginxFacts, type NginxFacts } from './nginx/facts.ts';

/** Found out before anything is asked. */
export interface Facts {
  addresses: readonly LocalAddress[];
  /** The address to offer as the relay's host. */
  suggestedHost: string;
  machine: Machine;
  runtime: NodeRuntime;
  /** The one that decides about what comes in, and the one that is opened. */
  firewall: Firewall | undefined;
  /** Others that are in force beside it. */
  furtherFirewalls?: readonly Firewall[];
  tailscaled: Tailscaled | undefined;
  docker: Docker | undefined;
  derper: ExistingDerper | undefined;
  /** Only root can ask it what it serves. */
  nginx?: NginxFacts | undefined;
}

/** Looks at the machine. Each look is bounded in time, and all are taken at once. */
export async function detectFacts(): Promise<Facts> {
  const addresses = localAddresses();
  const machine = await describeMachine();
  const nothing = async () => undefined;
  // Only root sees rules and other users' programs, and only root could change them.
  const asRoot = <T>(look: () => Promise<T>) => (machine.isRoot ? look() : nothing());
  const [runtime, tailscaled, docker, firewalls, derper, nginx] = await Promise.all([
    describeRuntime(),
    findTailscaled(),
    findDocker(),
    asRoot(() => detectFirewalls()),
    asRoot(findDerper),
    asRoot(() => findNginxFacts(machine.osId)),
  ]);
  const [firewall, ...furtherFirewalls] = firewalls ?? [];
  const suggestedHost = bestHost(addresses);
  return { addresses, suggestedHost, machine, runtime, firewall, furtherFirewalls, tailscaled, docker, derper, nginx };
}
