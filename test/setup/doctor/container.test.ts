import { describe, expect, it } from 'vitest';
import { findingWording } from '../../../src/cli/lines/doctor-lines.ts';
import { en } from '../../../src/cli/messages/en.ts';
import { judgeAll } from '../../../src/setup/doctor/checks.ts';
import type { ContainerFacts, DoctorFacts } from '../../../src/setup/doctor/facts.ts';
import type { ContainerState } from '../../../src/system/containers.ts';
import { healthy, inDays, installed, minutesAgo, relay } from './healthy.ts';

const state: ContainerState = {
  id: 'c0ffee',
  status: 'running',
  health: 'healthy',
  pid: 812,
  restarts: 0,
  since: inDays(-12),
  startsAtBoot: true,
  image: 'node:24-bookworm-slim',
  imageId: 'sha256:0',
};
const log = [JSON.stringify({ time: minutesAgo(5).toISOString(), level: 'info', event: 'client_connected' })];
const container: ContainerFacts = { engine: 'answers', state, log, namedImage: 'sha256:0' };
/** A relay in a container that is as it should be. */
const contained: DoctorFacts = { ...healthy, installed: { ...installed, target: 'compose' }, container };

const withState = (changes: Partial<ContainerState>, more: Partial<DoctorFacts> = {}): DoctorFacts => ({
  ...contained,
  container: { ...container, state: { ...state, ...changes } },
  ...more,
});
const ids = (facts: DoctorFacts) =>
  judgeAll(facts)
    .filter(({ level }) => level !== 'ok')
    .map(({ id, level }) => `${level} ${id}`);

describe('a relay in a container', () => {
  it('is well when it runs, and its unit does not matter', () => {
    expect(
      ids({ ...contained, units: { ...contained.units!, relay: { ...contained.units!.relay, found: false } } }),
    ).toEqual([]);
    expect(judgeAll(contained).map(({ id }) => id)).toContain('container-runs');
  });

  it.each([
    ['Docker does not answer', { engine: 'silent', state: undefined }, ['failed docker-silent']],
    ['it is gone', { state: undefined }, ['failed container-missing']],
    ['its image was pulled anew', { namedImage: 'sha256:1' }, ['warning image-outdated']],
    ['its image has no name any more', { namedImage: undefined }, []],
  ] as const)('%s', (_, changes, expected) => {
    expect(ids({ ...contained, container: { ...container, ...changes } })).toEqual(expected);
  });

  it.each([
    [{ status: 'exited', exitStatus: 2 }, 'failed container-stopped'],
    [{ status: 'restarting', restarts: 9 }, 'failed container-restarting'],
    [{ restarts: 2 }, 'failed container-restarting'],
    [{}, 'failed relay-silent'],
  ] as const)('without an answer: %j', (changes, expected) => {
    expect(ids(withState(changes, { relay: undefined, probe: undefined, certificate: undefined }))).toContain(expected);
  });

  it.each([
    [{ health: 'unhealthy' }, ['warning container-unhealthy']],
    [{ restarts: 1, since: minutesAgo(5) }, ['warning service-restarted']],
    [{ restarts: 1 }, []],
    [{ startsAtBoot: false }, ['warning container-not-at-boot']],
  ] as const)('with an answer: %j', (changes, expected) => {
    expect(ids(withState(changes, { relay }))).toEqual(expected);
  });

  it('is said nothing of to who may not ask Docker', () => {
    expect(ids({ ...contained, container: { ...container, engine: 'denied', state: undefined } })).toEqual([]);
  });

  it('reads the log of the container, not the journal', () => {
    const error = { time: minutesAgo(5).toISOString(), level: 'error', event: 'tls_error', problem: 'no such file' };
    expect(ids({ ...contained, container: { ...container, log: [JSON.stringify(error)] } })).toContain(
      'warning log-errors',
    );
  });

  it('is renewed by cron where there is no systemd, or by nobody', () => {
    expect(ids({ ...contained, units: undefined, renewedByCron: false })).toEqual(['warning renewal-by-nobody']);
    expect(ids({ ...contained, units: undefined, renewedByCron: true })).toEqual([]);
  });

  it('is mended by Docker’s commands, not by systemd’s', () => {
    const facts = withState({ status: 'exited' }, { relay: undefined, probe: undefined, certificate: undefined });
    const remedies = judgeAll({ ...facts, edited: ['/etc/derp-setup/compose/compose.yaml'] }).map(
      (finding) => findingWording(finding, en).remedy ?? '',
    );
    expect(remedies.join('\n')).toContain('sudo docker logs --tail 50 derp-relay');
    expect(remedies.join('\n')).toContain('/etc/derp-setup/compose/compose.override.yaml');
    expect(remedies.join('\n')).not.toMatch(/(?:systemctl|journalctl)[^\n]*derp-relay(?!-)/);
  });
});
