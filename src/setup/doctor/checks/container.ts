/** The relay's container: there, running, for long, at boot, and made of what is installed. */
import { RELAY_CONTAINER } from '../../../deploy/layout.ts';
import type { ContainerState } from '../../../system/containers.ts';
import type { ContainerFacts, DoctorFacts } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';
import { tellingLines } from './journal.ts';

/** A relay that was started again by itself within this time may be about to fail once more, milliseconds. */
const RECENTLY_MS = 3_600_000;

/** Whether it runs, and why not. */
function judgeRunning(state: ContainerState, { log }: ContainerFacts, facts: DoctorFacts): Finding[] {
  const { status, restarts, exitStatus, since, health } = state;
  const name = RELAY_CONTAINER;
  const journal = tellingLines(log);
  const age = since === undefined ? Number.POSITIVE_INFINITY : facts.now.getTime() - since.getTime();
  // Between two starts it looks as if it ran.
  const isAgain = status === 'restarting' || (status === 'running' && facts.relay === undefined && restarts > 0);
  if (isAgain) return [failed('container-restarting', { name, restarts, exitStatus, journal })];
  if (status !== 'running') {
    return [failed('container-stopped', { name, status, exitStatus, journal }, { kind: 'start-container', name })];
  }
  const port = facts.where?.listens.derp;
  if (facts.relay === undefined) return port === undefined ? [] : [failed('relay-silent', { port, journal })];
  if (health === 'unhealthy') return [warning('container-unhealthy', { name, image: state.image })];
  if (restarts > 0 && since !== undefined && age < RECENTLY_MS)
    return [warning('service-restarted', { restarts, since, journal })];
  return [fine('container-runs', { since, version: facts.relay.version, image: state.image })];
}

export function judgeContainer(container: ContainerFacts, facts: DoctorFacts): Finding[] {
  const { state, engine, namedImage } = container;
  const name = RELAY_CONTAINER;
  if (engine === 'silent') return [failed('docker-silent', {})];
  // Who may not ask is told of root by another check.
  if (engine === 'denied') return [];
  if (state === undefined) return [failed('container-missing', { name })];
  const found = judgeRunning(state, container, facts);
  if (!state.startsAtBoot) found.push(warning('container-not-at-boot', { name }));
  if (namedImage !== undefined && namedImage !== state.imageId)
    found.push(warning('image-outdated', { name, image: state.image }));
  return found;
}
