/** The looks at the machine that only the pre-flight table needs. */
import { derperName } from '../../setup/derper/naming.ts';
import type { Facts } from '../../setup/facts.ts';
import { type PortOwner, portOwner } from '../../system/port-owner.ts';
import { type PortProtocol, portState } from '../../system/ports.ts';

/** How a port is, that a relay usually has. */
export interface PortFact {
  protocol: PortProtocol;
  port: number;
  free: boolean;
  /** Who has it, as far as that can be found out. */
  owner?: PortOwner;
}

/** What the table shows. */
export interface PreflightFacts extends Omit<Facts, 'derper' | 'suggestedHost'> {
  /** The derper that was found, as people know it. */
  derper: string | undefined;
  ports: readonly PortFact[];
}

const USUAL_PORTS: readonly Omit<PortFact, 'free'>[] = [
  { protocol: 'tcp', port: 443 },
  { protocol: 'tcp', port: 80 },
  { protocol: 'udp', port: 3478 },
];

/** Who has the usual ports. A port that this user may not bind counts as free unless somebody listens there. */
export function usualPorts(): Promise<PortFact[]> {
  return Promise.all(
    USUAL_PORTS.map(async ({ protocol, port }) => {
      const state = await portState(protocol, port);
      const owner = state === 'free' ? undefined : await portOwner(protocol, port);
      return { protocol, port, free: state !== 'busy' && owner === undefined, ...(owner && { owner }) };
    }),
  );
}

/** Everything for the table. */
export async function gatherPreflight(facts: Facts): Promise<PreflightFacts> {
  const derper = facts.derper === undefined ? undefined : derperName(facts.derper);
  return { ...facts, derper, ports: await usualPorts() };
}
