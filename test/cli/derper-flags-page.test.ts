/** docs/derper-flags.md says what the program does: its tables are compared with the flags that derp-relay knows. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { imageVariables } from '../../src/setup/derper-flags/environment.ts';
import { flagSpecs, otherFlags } from '../../src/setup/derper-flags/flags.ts';

const page = readFileSync(new URL('../../docs/derper-flags.md', import.meta.url), 'utf8');
const escaped = (text: string) => text.replaceAll('<', '\\<').replaceAll('|', '\\|');
const rowsOf = (heading: string) => {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section.split('\n').filter((line) => line.startsWith('| `'));
};

describe('the page about derper’s flags', () => {
  it('has a row for each flag that is honoured', () => {
    const rows = Object.values(flagSpecs).map(({ name, placeholder, help }) => {
      const shown = placeholder === undefined ? `-${name}` : `-${name} ${placeholder}`;
      return `| \`${shown}\` | ${escaped(help)} |`;
    });
    expect(rowsOf('Honoured')).toEqual(rows);
  });

  it('has a row for each flag that images name in a way of their own', () => {
    const rows = Object.entries(imageVariables).map(
      ([name, variables]) => `| \`-${name}\` | ${variables.map((variable) => `\`${variable}\``).join(', ')} |`,
    );
    expect(rowsOf("From a container's environment")).toEqual(rows);
  });

  it.each([
    ['Refused', 'refuse'],
    ['Passed over', 'ignore'],
  ] as const)('has a row under %s for each flag that it belongs to', (heading, treatment) => {
    const rows = Object.entries(otherFlags)
      .filter(([, flag]) => flag.treatment === treatment)
      .map(([name, { reason }]) => `| \`-${name}\` | ${escaped(reason)} |`);
    expect(rowsOf(heading)).toEqual(rows);
  });
});
