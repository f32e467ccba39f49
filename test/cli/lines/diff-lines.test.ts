import { Chalk } from 'chalk';
import { applyPatch } from 'diff';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { previewDiffLines } from '../../../src/cli/lines/diff-lines.ts';
import { en } from '../../../src/cli/messages/en.ts';
import { changedFile, changedPort, firstRun, newFile } from '../support/plans.ts';

const plain = new Chalk({ level: 0 });

it('shows a change as diff -u does', () => {
  expect(previewDiffLines(changedPort.slice(0, 1), en, plain)).toEqual([
    '--- /etc/derp-setup/config.json',
    '+++ /etc/derp-setup/config.json',
    '@@ -1,3 +1,3 @@',
    ' {',
    '-  "derpPort": 443',
    '+  "derpPort": 8443',
    ' }',
    '',
  ]);
});

it('is what patch takes, whatever has changed', () => {
  const text = fc.array(fc.constantFrom('', 'a', 'b', 'c', '@@ -1 +1 @@', '--- x'), { maxLength: 60 });
  fc.assert(
    fc.property(text, text, (one, other) => {
      const [before, after] = [one.join('\n'), other.join('\n')];
      fc.pre(before !== after);
      const lines = previewDiffLines([changedFile('/file', before, after)], en, plain, { verbose: true });
      expect(applyPatch(before, `${lines.slice(0, -1).join('\n')}\n`)).toBe(after);
    }),
  );
});

it('names secrets and certificates, and never shows them', () => {
  const text = previewDiffLines(firstRun, en, plain).join('\n');
  expect(text).toContain('+++ /var/lib/derp-setup/derper.key\na secret: its content is never shown');
  expect(text).toContain('+++ /etc/derp-setup/certs/h.crt\n2 certificates in PEM form');
  expect(text).not.toMatch(/privkey|PRIVATE|MIIB/);
});

it('says so where only owner and mode change', () => {
  const { step } = newFile('/etc/derp-setup/relay.json', '{}\n');
  expect(previewDiffLines([{ step, finding: { change: 'change' } }], en, plain)).toContain(
    'the same content; owner and mode change',
  );
});

it('shows as much of a long new file as is needed to know it, and all of a change', () => {
  const long = Array.from({ length: 100 }, (_, at) => `line ${at}\n`).join('');
  const short = previewDiffLines([newFile('/etc/long', long)], en, plain);
  expect(short.at(-2)).toBe('… 41 more lines; --verbose shows all');
  expect(short).toHaveLength(2 + 60 + 2);
  expect(previewDiffLines([newFile('/etc/long', long)], en, plain, { verbose: true })).toContain('+line 99');
  expect(previewDiffLines([changedFile('/etc/long', long, '')], en, plain)).toContain('-line 99');
});

it('lets no file steer the terminal, and keeps its tabs', () => {
  const lines = previewDiffLines([newFile('/etc/\u001b[2Jx', 'a\tb\u001b]0;title\u0007\n')], en, plain);
  expect(lines.join('').replaceAll('\t', '')).not.toMatch(/\p{C}/u);
  expect(lines).toContain('+a\tb?]0;title?');
});
