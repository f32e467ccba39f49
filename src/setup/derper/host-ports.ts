/** A derper's ports as the host has them: a container may listen on others than those that clients reach. */
import type { PortProtocol } from '../../system/ports.ts';
import { OFF } from '../answers/values.ts';
import { hostPortOf } from './container-facts.ts';
import type { ExistingDerper } from './existing.ts';
import type { DerperSettings } from './settings.ts';

/** Which of derper's three. */
export type PortPart = 'derp' | 'http' | 'stun';

/** Why a port is not known. */
export interface PortGap {
  port: PortPart;
  /** `not-a-port`: what was given is none. `not-published`: it is open within the container only. */
  code: 'not-a-port' | 'not-published';
  /** The port inside the container. */
  inside: number | undefined;
}

/** The ports, as far as they are known; -1 for one that is switched off, or that the host does not pass on. */
export interface HostPorts {
  ports: Partial<Record<PortPart, number>>;
  /** The one address of the host's that derper listens on; null for all of them. */
  address: string | null;
  gaps: PortGap[];
}

/** Finds the ports on the host. */
export function hostPortsOf(derper: ExistingDerper, { listen, httpPort, stunPort }: DerperSettings): HostPorts {
  const wanted: [PortPart, PortProtocol, number | undefined][] = [
    ['derp', 'tcp', listen?.port],
    ['http', 'tcp', httpPort],
    ['stun', 'udp', stunPort],
  ];
  const result: HostPorts = { ports: {}, address: listen?.host ?? null, gaps: [] };
  const facts = derper.kind === 'container' ? derper.facts : undefined;
  for (const [port, protocol, inside] of wanted) {
    if (inside === undefined) {
      result.gaps.push({ port, code: 'not-a-port', inside });
    } else if (inside === OFF || facts === undefined || facts.networkMode === 'host') {
      result.ports[port] = inside;
    } else {
      const host = hostPortOf(facts, protocol, inside);
      if (host) result.ports[port] = host.port;
      // For clients it is as good as off.
      else if (port !== 'derp') result.ports[port] = OFF;
      if (!host) result.gaps.push({ port, code: 'not-published', inside });
      // What derper listens on is the container's own business; where the host listens is what matters.
      if (port === 'derp') result.address = host?.address ?? null;
    }
  }
  return result;
}
