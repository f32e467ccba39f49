import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { digestOf, type WrittenFile } from '../../src/deploy/manifest.ts';
import { directoryStep, publicFileStep, type Step, secretFileStep } from '../../src/deploy/steps.ts';
import { ApplyError, applySteps } from '../../src/setup/apply.ts';
import { previewSteps, type RunFacts } from '../../src/setup/preview.ts';
import { FileError } from '../../src/system/files.ts';
import { temporaryDirectory, treeOf } from '../temporary.ts';

let root: string;
beforeEach(() => {
  root = temporaryDirectory();
});
const at = (path: string) => join(root, path);
const never = new AbortController().signal;
/** Files below a directory of the test's own: no users, no services. */
const facts: RunFacts = { onMachine: false, written: new Map() };

describe('applySteps', () => {
  const steps = (): Step[] => [
    directoryStep(at('etc/x')),
    directoryStep(at('var'), 0o700),
    secretFileStep('relay-key', at('var/key'), 'secret'),
    publicFileStep('config', at('etc/x/config'), 'new'),
  ];

  it('does what the steps say', async () => {
    const { written } = await applySteps(steps(), facts, never);
    expect(written.map(({ path }) => path)).toEqual([at('var/key'), at('etc/x/config')]);
    expect(statSync(at('var')).mode & 0o777).toBe(0o700);
    expect(statSync(at('var/key')).mode & 0o777).toBe(0o600);
  });

  it('does nothing where all is as described', async () => {
    await applySteps(steps(), facts, never);
    const before = treeOf(root);
    const { written } = await applySteps(steps(), facts, never);
    expect(written).toEqual([]);
    expect(treeOf(root)).toEqual(before);
  });

  it('mends a mode without rewriting the file', async () => {
    await applySteps(steps(), facts, never);
    chmodSync(at('var/key'), 0o644);
    const { written, undo } = await applySteps(steps(), facts, never);
    expect(written.map(({ path }) => path)).toEqual([at('var/key')]);
    expect(statSync(at('var/key')).mode & 0o777).toBe(0o600);
    await undo();
    expect(statSync(at('var/key')).mode & 0o777).toBe(0o644);
  });

  it('is taken back to the byte: new files and directories gone, replaced ones restored', async () => {
    mkdirSync(at('etc'));
    mkdirSync(at('var'));
    writeFileSync(at('var/key'), 'old', { mode: 0o640 });
    const before = treeOf(root);
    const { undo } = await applySteps(steps(), facts, never);
    expect(treeOf(root)).not.toEqual(before);
    expect((await undo()).left).toEqual([]);
    expect(treeOf(root)).toEqual(before);
    expect(await undo()).toEqual({ undone: [], left: [], kept: [] });
  });

  it('leaves what somebody else put into a directory it made', async () => {
    const { undo } = await applySteps(steps(), facts, never);
    writeFileSync(at('etc/x/other'), '');
    await undo();
    expect(Object.keys(treeOf(root))).toEqual(['etc', 'etc/x', 'etc/x/other']);
  });

  it('takes the first steps back when a later one fails', async () => {
    writeFileSync(at('file'), '');
    const before = treeOf(root);
    const failing = applySteps([...steps(), directoryStep(at('file/below'))], facts, never);
    await expect(failing).rejects.toSatisfy((error) => error instanceof ApplyError && error.cause instanceof FileError);
    expect(treeOf(root)).toEqual(before);
  });

  it('takes them back when it is interrupted between any two', async () => {
    const all = steps();
    for (let after = 0; after < all.length; after++) {
      let left = after;
      // Counts how often it is asked, which is once before each step.
      const signal = {
        throwIfAborted: () => {
          if (left-- === 0) throw new Error('interrupted');
        },
      } as AbortSignal;
      await expect(applySteps(all, facts, signal)).rejects.toThrow('interrupted');
      expect(treeOf(root), `after ${after} steps`).toEqual({});
    }
  });

  it('points links in one move, and back', async () => {
    mkdirSync(at('1.0'));
    mkdirSync(at('1.1'));
    const link = (target: string): Step => ({ kind: 'link', path: at('current'), target });
    await applySteps([link('1.0')], facts, never);
    const { undo } = await applySteps([link('1.1')], facts, never);
    expect(readlinkSync(at('current'))).toBe('1.1');
    await undo();
    expect(readlinkSync(at('current'))).toBe('1.0');
  });

  it('installs programs whole, readable by all, and puts the old ones back', async () => {
    mkdirSync(at('package/bin'), { recursive: true });
    writeFileSync(at('package/bin/x.cjs'), 'new', { mode: 0o700 });
    writeFileSync(at('package/package.json'), '{}', { mode: 0o600 });
    writeFileSync(at('package/secret'), 'not to be copied');
    mkdirSync(at('lib/1.0/bin'), { recursive: true });
    writeFileSync(at('lib/1.0/bin/x.cjs'), 'old');
    const before = treeOf(at('lib'));
    const step: Step = {
      kind: 'programs',
      from: at('package'),
      parts: ['bin', 'package.json', 'missing'],
      path: at('lib/1.0'),
      version: '1.0',
    };
    const { undo, keep } = await applySteps([step], facts, never);
    expect(Object.keys(treeOf(at('lib/1.0')))).toEqual(['bin', 'bin/x.cjs', 'package.json']);
    expect(statSync(at('lib/1.0/bin/x.cjs')).mode & 0o777).toBe(0o755);
    expect(statSync(at('lib/1.0/package.json')).mode & 0o777).toBe(0o644);
    await undo();
    expect(treeOf(at('lib'))).toEqual(before);
    await keep();
    await (await applySteps([step], facts, never)).keep();
    expect(Object.keys(treeOf(at('lib'))).filter((name) => name.startsWith('.'))).toEqual([]);
    expect((await applySteps([step], facts, never)).done).toEqual([]);
  });

  it('removes files, links, trees and empty directories, and puts all of them back', async () => {
    mkdirSync(at('tree/below'), { recursive: true });
    writeFileSync(at('tree/below/file'), 'x', { mode: 0o640 });
    mkdirSync(at('empty'));
    mkdirSync(at('used'));
    writeFileSync(at('used/other'), '');
    writeFileSync(at('file'), 'y', { mode: 0o600 });
    const before = treeOf(root);
    const steps: Step[] = [
      { kind: 'remove', what: 'file', path: at('file') },
      { kind: 'remove', what: 'tree', path: at('tree') },
      { kind: 'remove', what: 'empty-directory', path: at('empty') },
      { kind: 'remove', what: 'empty-directory', path: at('used') },
      { kind: 'remove', what: 'file', path: at('never-there') },
    ];
    const { undo } = await applySteps(steps, facts, never);
    expect(Object.keys(treeOf(root)).filter((name) => !name.startsWith('.'))).toEqual(['used', 'used/other']);
    await undo();
    expect(treeOf(root)).toEqual(before);
    await (await applySteps(steps, facts, never)).keep();
    expect(Object.keys(treeOf(root))).toEqual(['used', 'used/other']);
  });

  it('takes back what was in the way of something else, when that has gone', async () => {
    const steps: Step[] = [
      directoryStep(at('a')),
      directoryStep(at('a/b')),
      publicFileStep('config', at('a/b/file'), ''),
      publicFileStep('config', at('other'), ''),
    ];
    // Removing the file fails as long as a directory is in its place, which goes with what is taken back after it.
    const { undo } = await applySteps(steps, facts, never, {
      onUndo: (what) => {
        if (what === at('a/b/file')) {
          rmSync(at('a/b/file'));
          mkdirSync(at('a/b/file'));
        }
        if (what === at('a')) rmdirSync(at('a/b/file'));
      },
    });
    expect((await undo()).left).toEqual([]);
    expect(treeOf(root)).toEqual({});
  });

  it('puts back a link that a file has replaced, even one that leads nowhere', async () => {
    symlinkSync('/dev/null', at('masked'));
    symlinkSync('nowhere', at('dangling'));
    const steps = ['masked', 'dangling'].map((name) => publicFileStep('unit', at(name), 'text'));
    const { undo } = await applySteps(steps, facts, never);
    expect(lstatSync(at('masked')).isFile()).toBe(true);
    await undo();
    expect([readlinkSync(at('masked')), readlinkSync(at('dangling'))]).toEqual(['/dev/null', 'nowhere']);
  });

  it('clears away what a run that was killed has left beside its files', async () => {
    mkdirSync(at('etc/x'), { recursive: true });
    writeFileSync(at('etc/x/.config.0123456789ab.tmp'), 'half');
    await applySteps(steps(), facts, never);
    expect(Object.keys(treeOf(at('etc/x')))).toEqual(['config']);
  });

  it('takes a copied Node back with the directories that were made for it', async () => {
    mkdirSync(at('lib'));
    writeFileSync(at('node'), 'program');
    const runtime: Step = { kind: 'runtime', from: at('node'), path: at('lib/node/24.0.0/node'), version: '24.0.0' };
    const before = treeOf(root);
    const { undo } = await applySteps([runtime], facts, never);
    expect(statSync(runtime.path).mode & 0o777).toBe(0o755);
    await undo();
    expect(treeOf(root)).toEqual(before);
  });

  it('does not wait for what is being taken back when it is interrupted too', async () => {
    const hurry = new AbortController();
    const { undo } = await applySteps(steps(), facts, never, { onUndo: () => hurry.abort() });
    const { undone, left } = await undo(hurry.signal);
    expect(undone).toEqual([]);
    expect(left).toEqual([at('etc/x/config'), at('var/key'), at('var'), at('etc/x')]);
  });

  it('leaves the rest as it is when taking back is interrupted too, and names it', async () => {
    const hurry = new AbortController();
    const failing: Step[] = [...steps(), { kind: 'link', path: at('missing/link'), target: 'x' }];
    const onUndo = () => hurry.abort();
    const error = await applySteps(failing, facts, never, { hurry: hurry.signal, onUndo }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ApplyError);
    expect(error.left).toContain(at('etc/x'));
    expect(lstatSync(at('etc/x')).isDirectory()).toBe(true);
  });
});

describe('previewSteps', () => {
  const file = (content: string) => publicFileStep('unit', at('unit'), content);
  const preview = async (step: Step, written = new Map<string, WrittenFile>()) =>
    (await previewSteps([step], { ...facts, written }, never)).map(({ finding }) => finding);

  it('shows what would change, and changes nothing', async () => {
    expect(await preview(file('new'))).toEqual([{ change: 'create', before: '', after: 'new' }]);
    writeFileSync(at('unit'), 'old');
    expect(await preview(file('new'))).toEqual([{ change: 'change', before: 'old', after: 'new' }]);
    expect(await preview(file('old'))).toEqual([]);
    expect(Object.keys(treeOf(root))).toEqual(['unit']);
  });

  it('never shows a secret', async () => {
    writeFileSync(at('key'), 'old secret');
    expect(await preview(secretFileStep('relay-key', at('key'), 'new secret'))).toEqual([{ change: 'change' }]);
  });

  it('knows a file that was changed by hand from one that a new version changes', async () => {
    writeFileSync(at('unit'), 'old');
    const known: WrittenFile = { path: at('unit'), purpose: 'unit', sha256: digestOf('old') };
    const ours = new Map([[at('unit'), known]]);
    expect(await preview(file('new'), ours)).toEqual([{ change: 'change', before: 'old', after: 'new' }]);
    writeFileSync(at('unit'), 'edited');
    expect(await preview(file('new'), ours)).toMatchObject([{ editedByHand: true }]);
    expect(await preview(file('edited'), ours)).toEqual([]);
  });

  it('takes a file that a killed run did not get to for no change by hand', async () => {
    writeFileSync(at('unit'), 'old');
    const known: WrittenFile = { path: at('unit'), purpose: 'unit', sha256: digestOf('new') };
    const earlier = { ...known, earlier: [digestOf('older'), digestOf('old')] };
    expect(await preview(file('new'), new Map([[at('unit'), known]]))).toMatchObject([{ editedByHand: true }]);
    const [finding] = await preview(file('new'), new Map([[at('unit'), earlier]]));
    expect(finding).not.toHaveProperty('editedByHand');
  });
});
