import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Layout, layoutBelow, RELAY_UNIT } from '../../../src/deploy/layout.ts';
import { formerRunner } from '../../../src/setup/former-runner.ts';
import { temporaryDirectory } from '../../temporary.ts';

/** A machine with one of the files that runners are made of. */
function machineWith(path: (layout: Layout) => string | undefined): Layout {
  const layout = layoutBelow(temporaryDirectory());
  const file = path(layout);
  if (file !== undefined) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '');
  }
  return layout;
}

describe('what ran the relay before', () => {
  const container = () => machineWith(({ composeFile }) => composeFile);
  const unit = () => machineWith((layout) => layout.unit(RELAY_UNIT));

  it('is told where something else runs it now', async () => {
    expect(await formerRunner('systemd', container())).toBe('container');
    expect(await formerRunner('nginx-bypass', container())).toBe('container');
    expect(await formerRunner('compose', unit())).toBe('unit');
  });

  it('is nothing where the same runs it, or nothing did', async () => {
    expect(await formerRunner('compose', container())).toBeUndefined();
    expect(await formerRunner('systemd', unit())).toBeUndefined();
    const nothing = machineWith(() => undefined);
    expect(await formerRunner('compose', nothing)).toBeUndefined();
    expect(await formerRunner('systemd', nothing)).toBeUndefined();
  });
});
