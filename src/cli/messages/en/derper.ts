import type { StopRefusal } from '../../../setup/derper/stop.ts';

/** Why a derper is not stopped, and what to do. */
export const derperStays: Record<StopRefusal['code'], string> = {
  unmanaged: 'nothing is known that manages it; end it yourself, then run this again',
  'transient-unit': 'its unit would be gone then; stop it yourself, then run this again',
  'unknown-unit': 'systemd does not know its unit any more; stop it yourself, then run this again',
  'unknown-engine': 'its container is run by something that would start it again; remove it there first',
  'engine-silent': 'its container engine does not answer; stop it yourself, then run this again',
  swarm: 'Docker Swarm would start it again; remove the service first',
  'auto-removed': 'its container is deleted when it stops (--rm); stop it yourself, then run this again',
};
