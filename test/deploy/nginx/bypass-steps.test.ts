/** The steps that have nginx share its port, change that, and take it back, in their order. */
import { describe, expect, it } from 'vitest';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import { digestOf, type Manifest } from '../../../src/deploy/manifest.ts';
import type { Bypass } from '../../../src/deploy/nginx/bypass.ts';
import { backupRemovals, bypassChange, takeBackSteps } from '../../../src/deploy/nginx/bypass-steps.ts';
import type { SourceFile } from '../../../src/deploy/nginx/sites.ts';
import type { Step } from '../../../src/deploy/steps.ts';
import { uninstallSteps } from '../../../src/deploy/uninstall.ts';

const layout = layoutBelow('/');
const STREAM = '/etc/nginx/modules-enabled/derp-setup-stream.conf';
const SITES = '/etc/nginx/derp-setup-sites.conf';
const A = '/etc/nginx/sites-available/a';
const B = '/etc/nginx/sites-available/b';

const bypassOf = (...paths: string[]): Bypass => ({
  files: [
    { path: SITES, content: 'sites' },
    { path: STREAM, content: 'stream' },
  ],
  edits: paths.map((path) => ({ path, original: `${path} before`, edited: `${path} after`, replaced: [] })),
  doors: [{ address: '0.0.0.0', inner: '127.0.0.1', options: [] }],
  sites: paths.map((path) => ({ name: path, address: '127.0.0.1', port: 443 })),
  serverPortUses: [],
});
const source = (path: string): SourceFile => ({ path, realPath: path, text: `${path} before`, current: `${path} now` });
const shared = { port: 443, sitesPort: 8444, sources: [source(A), source(B)] };
const first = bypassChange(bypassOf(A, B), shared, layout, { nginx: undefined, ours: [] });

const line = (step: Step) => ('path' in step ? `${step.kind} ${step.path}` : step.kind);
const backup = (path: string) => `${layout.nginxBackups}/${path.split('/').pop()}.${digestOf(path).slice(0, 8)}`;

describe('sharing the port', () => {
  it('keeps copies, writes, edits, and has nginx take it over, in that order', () => {
    expect(first.before).toEqual([]);
    expect(first.after.map(line)).toEqual([
      `directory ${layout.nginxBackups}`,
      `file ${backup(A)}`,
      `file ${backup(B)}`,
      `file ${SITES}`,
      `file ${STREAM}`,
      `edit ${A}`,
      `edit ${B}`,
      'nginx',
    ]);
    const copies = first.after.filter((step) => step.kind === 'file' && step.purpose === 'nginx-backup');
    for (const copy of copies) expect(copy).toMatchObject({ mode: 0o600, secret: true });
    expect(first.after.at(-1)).toEqual({
      kind: 'nginx',
      reloadFor: [SITES, STREAM, A, B],
      sites: [
        { name: A, address: '127.0.0.1', port: 443 },
        { name: B, address: '127.0.0.1', port: 443 },
      ],
    });
  });

  it('edits the text that is there, and remembers the one without our changes', () => {
    expect(first.after.find((step) => step.kind === 'edit')).toMatchObject({
      expected: `${A} now`,
      content: `${A} after`,
      record: { backup: backup(A), originalSha256: digestOf(`${A} before`), editedSha256: digestOf(`${A} after`) },
    });
    expect(first.record).toMatchObject({
      port: 443,
      sitesPort: 8444,
      doors: [{ address: '0.0.0.0', inner: '127.0.0.1' }],
    });
  });

  it('gives back what it needs no more, and knows which sites are new', () => {
    const before = { nginx: first.record, ours: [SITES, STREAM, '/etc/nginx/derp-setup-stream.conf'] };
    const next = bypassChange(bypassOf(B, '/etc/nginx/c'), shared, layout, before);
    expect(next.after.map(line).slice(-6)).toEqual([
      `edit ${B}`,
      'edit /etc/nginx/c',
      `restore ${A}`,
      'remove /etc/nginx/derp-setup-stream.conf',
      'nginx',
      `remove ${backup(A)}`,
    ]);
    const nginx = next.after.find((step) => step.kind === 'nginx');
    expect(nginx?.sites?.map(({ isNew }) => isNew)).toEqual([undefined, true]);
    expect(next.record?.sites.some((site) => 'isNew' in site)).toBe(false);
    expect(next.record?.earlier?.edited.map(({ path }) => path)).toEqual([A, B]);
  });

  it('is the same plan again when nothing has changed', () => {
    const again = bypassChange(bypassOf(A, B), shared, layout, { nginx: first.record, ours: [SITES, STREAM] });
    expect(again.record).toEqual(first.record);
  });
});

describe('taking it back', () => {
  it('restores, removes what is ours, and asks the sites', () => {
    expect(takeBackSteps(first.record, [SITES, STREAM]).map(line)).toEqual([
      `restore ${A}`,
      `restore ${B}`,
      `remove ${SITES}`,
      `remove ${STREAM}`,
      'nginx',
    ]);
    expect(backupRemovals(first.record, layout).map(line)).toEqual([
      `remove ${backup(A)}`,
      `remove ${backup(B)}`,
      `remove ${layout.nginxBackups}`,
    ]);
    expect(takeBackSteps(undefined, [])).toEqual([]);
  });

  it('comes before anything else of an uninstallation, and touches no other file', () => {
    const file = (path: string, purpose: 'nginx-share' | 'unit') => ({ path, purpose });
    const manifest: Manifest = {
      version: '1.0.0',
      files: [
        file(SITES, 'nginx-share'),
        file('/etc/passwd', 'nginx-share'),
        file('/etc/x/../derp-setup.conf', 'nginx-share'),
      ],
      directories: [],
      trees: [],
      units: ['derp-relay.service'],
      nginx: first.record!,
    };
    const lines = uninstallSteps(manifest, layout, { purge: true }).map(line);
    expect(lines.slice(0, 5)).toEqual([`restore ${A}`, `restore ${B}`, `remove ${SITES}`, 'nginx', 'disable']);
    expect(lines.join('\n')).not.toMatch(/passwd|\.\./);
  });
});
