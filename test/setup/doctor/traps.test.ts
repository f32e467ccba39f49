/** docs/traps.md and the doctor must agree: no code that there is not, and no fault that is not explained. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { en } from '../../../src/cli/messages/en.ts';
import { reasons } from '../../../src/cli/messages/zh/checks.ts';
import type { FindingId } from '../../../src/setup/doctor/findings.ts';

const page = readFileSync(new URL('../../../docs/traps.md', import.meta.url), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:trap|---) \|/.test(line));
/** What stands in code in the second column and looks like a code of the doctor's or the probe's. */
const named = new Set(
  rows.flatMap((row) => [...(row.split('|')[2] ?? '').matchAll(/`([a-z]+(?:-[a-z0-9]+)+)`/g)].map(([, code]) => code!)),
);
const findings = Object.keys(en.doctor.findings) as FindingId[];

/** What is well, and what every visit of a kind has. */
const isWell = (id: string) =>
  /-(?:fine|runs|held|here|served|open|answers|planned|enough|room|synchronized|refused|connected)$/.test(id) ||
  ['no-firewall'].includes(id);

describe('the page of known traps', () => {
  it('has a place or a check for each', () => {
    expect(rows.length).toBeGreaterThan(50);
    for (const row of rows) {
      const [, trap = '', here = ''] = row.split('|').map((cell) => cell.trim());
      expect(trap.length, row).toBeGreaterThan(10);
      expect(here.length, row).toBeGreaterThan(10);
    }
  });

  it('names no code that there is not', () => {
    const known = new Set<string>([...findings, ...Object.keys(reasons)]);
    expect([...named].filter((code) => !known.has(code))).toEqual([]);
  });

  it('explains every fault that the doctor can find', () => {
    const faults = findings.filter((id) => !isWell(id) || id === 'admission-url-open' || id === 'open-relay');
    expect(faults.filter((id) => !named.has(id))).toEqual([]);
  });
});
