import { statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Finding, failed, warning } from '../../../src/setup/doctor/findings.ts';
import { applyFixes, plannedFixes } from '../../../src/setup/doctor/fix.ts';
import { temporaryDirectory } from '../../temporary.ts';
import { healthy } from './healthy.ts';

const unit = 'derp-relay.service';
const stopped = failed('service-missing', { unit }, { kind: 'start', unit });
const stale = warning('unit-stale', { unit }, { kind: 'daemon-reload' });
const closed = failed('firewall-closed', { tool: 'ufw', openings: [], commands: [] }, { kind: 'open-firewall' });
const owner = (path: string): Finding =>
  failed('file-owner', { path, owner: 'a:a', wanted: 'root:root' }, { kind: 'owner', path, owner: 'root:root' });

describe('what is mended', () => {
  it('comes in an order in which each thing can succeed, and once', () => {
    const fixes = plannedFixes([stopped, stale, owner('/x'), stale, owner('/x'), owner('/y')], { openFirewall: false });
    expect(fixes.map((fix) => ('path' in fix ? `${fix.kind} ${fix.path}` : fix.kind))).toEqual([
      'owner /x',
      'owner /y',
      'daemon-reload',
      'start',
    ]);
  });

  it('is the firewall only when that is asked for by name', () => {
    expect(plannedFixes([closed], { openFirewall: false })).toEqual([]);
    expect(plannedFixes([closed], { openFirewall: true })).toEqual([{ kind: 'open-firewall' }]);
  });

  it('is nothing that has no fix', () => {
    expect(plannedFixes([failed('disk-full', { path: '/', freeBytes: 0 })], { openFirewall: true })).toEqual([]);
  });
});

describe('mending', () => {
  it('sets a mode, and goes on when something cannot be mended', async () => {
    const path = join(temporaryDirectory(), 'derper.key');
    writeFileSync(path, '', { mode: 0o644 });
    const missing = `${path}.missing`;
    const outcomes = await applyFixes(
      [
        { kind: 'mode', path: missing, mode: 0o600 },
        { kind: 'owner', path, owner: 'no-such-user-here:root' },
        { kind: 'mode', path, mode: 0o600 },
      ],
      healthy,
    );
    expect(outcomes.map(({ detail }) => detail)).toEqual([
      expect.stringContaining(missing),
      expect.stringContaining('no-such-user-here'),
      undefined,
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is not led elsewhere by a link that the relay’s user may have put there', async () => {
    const directory = temporaryDirectory();
    const victim = join(directory, 'shadow');
    writeFileSync(victim, '', { mode: 0o640 });
    symlinkSync(victim, join(directory, 'derper.key'));
    const path = join(directory, 'derper.key');
    const outcomes = await applyFixes(
      [
        { kind: 'mode', path, mode: 0o600 },
        { kind: 'owner', path, owner: 'root:root' },
      ],
      healthy,
    );
    expect(outcomes.map(({ detail }) => detail)).toEqual(Array(2).fill(expect.stringContaining('it is a link')));
    expect(statSync(victim).mode & 0o777).toBe(0o640);
  });
});
