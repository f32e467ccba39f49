/** How a derper is called in messages, and which ports are its own. */
import type { PortOwner } from '../../system/port-owner.ts';
import type { ExistingDerper } from './existing.ts';

/** The unit, the container, or the process. */
export function derperName(derper: ExistingDerper): string {
  if (derper.kind === 'unit') return derper.unit;
  return derper.kind === 'container' ? derper.name : `pid ${derper.pid}`;
}

/** What holds the published ports of containers. */
const PORT_PROXIES = ['docker-proxy', 'conmon', 'rootlessport'];

/** Whether the owner of a port is this derper, so that the port is free when it has stopped. */
export function ownsPort(derper: ExistingDerper, { name }: PortOwner): boolean {
  return name === 'derper' || (derper.kind === 'container' && name !== undefined && PORT_PROXIES.includes(name));
}
