import { describe, expect, it } from 'vitest';
import type { ExistingDerper } from '../../../src/setup/derper/existing.ts';
import { RestoreError, restoreDerper } from '../../../src/setup/derper/restore.ts';
import { StopRefusedError, stopDerper, stopRefusal } from '../../../src/setup/derper/stop.ts';
import { CommandError } from '../../../src/system/processes.ts';
import { fakeEngine } from './fake-engine.ts';
import { bareDerper, containerDerper, factsOf, inspection } from './fixtures.ts';

const facts = factsOf('docker-derper');
const { id } = facts;
const derper = containerDerper(facts, '/app/derper');

describe('stopDerper with a container', () => {
  it('stops it for good, and brings it back as it was', async () => {
    const engine = fakeEngine('docker');
    engine.answer(inspection('docker-derper'));
    const restore = await stopDerper(derper);
    expect(engine.changes()).toEqual([`update --restart=no ${id}`, `stop ${id}`]);
    // It may lie in a file until the new relay is removed.
    const kept = JSON.parse(JSON.stringify(restore));
    expect(kept).toEqual(restore);
    await restoreDerper(kept);
    expect(engine.changes().slice(2)).toEqual([`start ${id}`, `update --restart=always ${id}`]);
  });

  it('leaves alone what is stopped and never starts', async () => {
    const engine = fakeEngine('docker');
    engine.answer(inspection('docker-created'));
    const created = factsOf('docker-created');
    const restore = await stopDerper(containerDerper(created, '/app/derper'));
    expect(restore.actions).toEqual([]);
    expect(engine.changes()).toEqual([]);
  });

  it('undoes its own half when it fails', async () => {
    const engine = fakeEngine('docker');
    engine.answer(inspection('docker-derper'));
    engine.refuse('stop');
    await expect(stopDerper(derper)).rejects.toBeInstanceOf(CommandError);
    expect(engine.changes()).toEqual([
      `update --restart=no ${id}`,
      `stop ${id}`,
      `start ${id}`,
      `update --restart=always ${id}`,
    ]);
  });

  it('says what could not be undone, and why it was to be', async () => {
    const engine = fakeEngine('docker');
    engine.answer(inspection('docker-derper'));
    engine.refuse('stop');
    engine.refuse('start');
    const error = await stopDerper(derper).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(RestoreError);
    expect(error.failed).toMatchObject([{ action: { kind: 'start-container', id } }]);
    expect(error.cause).toBeInstanceOf(CommandError);
    // The rest is put back all the same.
    expect(engine.changes().at(-1)).toBe(`update --restart=always ${id}`);
  });

  it('goes on where Podman cannot change the policy, and says so', async () => {
    const engine = fakeEngine('podman');
    engine.answer(inspection('docker-derper'));
    engine.refuse('update');
    const restore = await stopDerper({ ...derper, engine: 'podman' });
    expect(restore).toMatchObject({ policyKept: true, actions: [{ kind: 'start-container', engine: 'podman', id }] });
  });
});

describe('stopRefusal', () => {
  it.each<[string, ExistingDerper, object]>([
    ['a process', bareDerper('derper'), { code: 'unmanaged', pid: 4711 }],
    ['a container of Kubernetes', { ...derper, engine: 'other' }, { code: 'unknown-engine', id }],
    ["another user's container", { ...derper, facts: undefined }, { code: 'engine-silent', engine: 'docker', id }],
    ['a task of a swarm', { ...derper, facts: { ...facts, swarm: true } }, { code: 'swarm', name: 'derp' }],
    [
      'a container that goes when it stops',
      { ...derper, facts: { ...facts, autoRemove: true } },
      { code: 'auto-removed', name: 'derp' },
    ],
  ])('is there for %s, and nothing is done', async (_, existing, refusal) => {
    const engine = fakeEngine('docker');
    expect(await stopRefusal(existing)).toEqual(refusal);
    const error = await stopDerper(existing).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(StopRefusedError);
    expect(error.refusal).toEqual(refusal);
    expect(engine.changes()).toEqual([]);
  });

  it('is there for none else', async () => {
    expect(await stopRefusal(derper)).toBeUndefined();
  });
});
