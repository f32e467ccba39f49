import { describe, expect, it } from 'vitest';
import type { DerperContainer, DerperUnit } from '../../../src/setup/derper/existing.ts';
import { bringBackCommand, derperName, isInUse, ownsPort } from '../../../src/setup/derper/naming.ts';
import { bareDerper, containerDerper, factsOf } from './fixtures.ts';

const { pid: _, kind: __, ...launch } = bareDerper('derper -a :8443');
const unit = (more: Partial<DerperUnit> = {}): DerperUnit => ({
  ...launch,
  kind: 'unit',
  unit: 'derper.service',
  running: true,
  enabled: true,
  ...more,
});
const facts = factsOf('docker-derper');
const container = (more: Partial<DerperContainer> = {}) => containerDerper(facts, '/app/derper', more);

describe('a derper', () => {
  it('is called by what manages it', () => {
    expect([unit(), container(), bareDerper('derper')].map(derperName)).toEqual([
      'derper.service',
      facts.name,
      'pid 4711',
    ]);
  });

  it('is in use when it runs, or would with the machine', () => {
    expect(isInUse(unit({ enabled: false }))).toBe(true);
    expect(isInUse(unit({ running: false }))).toBe(true);
    expect(isInUse(unit({ running: false, enabled: false }))).toBe(false);
    expect(isInUse(bareDerper('derper'))).toBe(true);
    expect(facts.restartPolicy).toBe('always');
    expect(isInUse(container({ running: false }))).toBe(true);
    expect(isInUse(container({ running: false, facts: { ...facts, restartPolicy: 'no' } }))).toBe(false);
    expect(isInUse(container({ running: false, facts: undefined }))).toBe(false);
  });

  it('can be brought back by a command, unless nobody knows how', () => {
    expect(bringBackCommand(unit())).toBe('systemctl enable --now derper.service');
    expect(bringBackCommand(unit({ enabled: false }))).toBe('systemctl start derper.service');
    expect(bringBackCommand(container())).toBe(
      `docker update --restart=always ${facts.name} && docker start ${facts.name}`,
    );
    const once = { ...facts, restartPolicy: 'no' };
    expect(bringBackCommand(container({ engine: 'podman', facts: once }))).toBe(`podman start ${facts.name}`);
    expect(bringBackCommand(container({ unit: 'relay.service' }))).toBe('systemctl enable --now relay.service');
    expect(bringBackCommand(container({ engine: 'other' }))).toBeUndefined();
    expect(bringBackCommand(bareDerper('derper'))).toBeUndefined();
  });

  it('owns ports under each of its names, a container also by what publishes them', () => {
    for (const name of ['derper', 'derper-linux-am', 'derper_1.80']) expect(ownsPort(unit(), { name })).toBe(true);
    for (const name of ['derperer', 'nginx', 'docker-proxy']) expect(ownsPort(unit(), { name })).toBe(false);
    expect(ownsPort(container(), { name: 'docker-proxy' })).toBe(true);
    expect(ownsPort(unit(), {})).toBe(false);
  });
});
