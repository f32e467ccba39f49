/** How a derper is called in messages, whether it would run, and which ports are its own. */
import { isDerperProgram } from '../../system/derper-process.ts';
import type { PortOwner } from '../../system/port-owner.ts';
import { engineProgram } from './container-engine.ts';
import type { ExistingDerper } from './existing.ts';

/** The unit, the container, or the process. */
export function derperName(derper: ExistingDerper): string {
  if (derper.kind === 'unit') return derper.unit;
  return derper.kind === 'container' ? derper.name : `pid ${derper.pid}`;
}

/** Whether it runs, or starts with the machine. One that was taken over does neither. */
export function isInUse(derper: ExistingDerper): boolean {
  if (derper.kind === 'process' || derper.running) return true;
  if (derper.kind === 'unit') return derper.enabled;
  return derper.facts !== undefined && !['', 'no'].includes(derper.facts.restartPolicy);
}

/**
 * What brings a derper back that was taken over, as a person would type it; undefined where nobody can say. Words come
 * from systemd's and the engine's own names, which have no characters that mean something to a shell.
 */
export function bringBackCommand(derper: ExistingDerper): string | undefined {
  if (derper.kind === 'unit') return `systemctl ${derper.enabled ? 'enable --now' : 'start'} ${derper.unit}`;
  if (derper.kind === 'process' || derper.engine === 'other') return undefined;
  if (derper.unit !== undefined) return `systemctl enable --now ${derper.unit}`;
  const program = engineProgram(derper.engine);
  const { restartPolicy = 'no' } = derper.facts ?? {};
  const start = `${program} start ${derper.name}`;
  return restartPolicy === 'no' ? start : `${program} update --restart=${restartPolicy} ${derper.name} && ${start}`;
}

/** What holds the published ports of containers. */
const PORT_PROXIES = ['docker-proxy', 'conmon', 'rootlessport'];

/** Whether the owner of a port is this derper, so that the port is free when it has stopped. */
export function ownsPort(derper: ExistingDerper, { name }: PortOwner): boolean {
  // The kernel cuts names after 15 characters, which leaves enough of `derper-linux-amd64`.
  return (
    (name !== undefined && isDerperProgram(name)) ||
    (derper.kind === 'container' && name !== undefined && PORT_PROXIES.includes(name))
  );
}
