/** Editing files of others on a real disk, and taking that back. */
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/deploy/manifest.ts';
import { fileEdit } from '../../../src/deploy/nginx/file-edits.ts';
import type { NginxRecord } from '../../../src/deploy/nginx/record.ts';
import type { EditStep, RestoreStep } from '../../../src/deploy/steps.ts';
import { editHandler, restoreHandler } from '../../../src/setup/steps/edit.ts';
import type { StepContext, Undo } from '../../../src/setup/steps/handler.ts';
import { temporaryDirectory } from '../../temporary.ts';

const ORIGINAL = 'server { listen 443 ssl; }\n';
const EDITED = 'server { listen 127.0.0.1:8444 ssl proxy_protocol; include /x/derp-setup-sites.conf; }\n';

let path: string;
let backup: string;
let edit: EditStep;
let restore: RestoreStep;
let undos: Undo[];
let context: StepContext;

beforeEach(async () => {
  const directory = temporaryDirectory();
  path = join(directory, 'site');
  backup = join(directory, 'backup');
  await writeFile(path, ORIGINAL);
  await writeFile(backup, ORIGINAL);
  await chmod(path, 0o640);
  const { replaced, edited } = fileEdit(path, ORIGINAL, [
    { start: 9, end: 24, text: 'listen 127.0.0.1:8444 ssl proxy_protocol; include /x/derp-setup-sites.conf;' },
  ]);
  expect(edited).toBe(EDITED);
  const record = { path, backup, originalSha256: digestOf(ORIGINAL), editedSha256: digestOf(EDITED), replaced };
  const nginx: NginxRecord = {
    port: 443,
    sitesPort: 8444,
    doors: [{ address: '0.0.0.0', inner: '127.0.0.1' }],
    edited: [record],
    sites: [],
  };
  edit = { kind: 'edit', path, expected: ORIGINAL, content: EDITED, record };
  restore = { kind: 'restore', path, record, nginx };
  undos = [];
  const remember = (undo: Undo) => void undos.push(undo);
  const { signal } = new AbortController();
  context = { changed: new Set(), signal, onMachine: true, written: new Map(), remember };
});

const text = () => readFile(path, 'utf8');
const mode = async () => (await stat(path)).mode & 0o777;

describe('an edit', () => {
  it('changes the text, keeps the mode, and can be taken back', async () => {
    expect(await editHandler.inspect(edit, context)).toEqual({ change: 'change', before: ORIGINAL, after: EDITED });
    await editHandler.apply(edit, context);
    expect([await text(), await mode()]).toEqual([EDITED, 0o640]);
    expect(await editHandler.inspect(edit, context)).toBeUndefined();
    for (const undo of undos) await undo.now();
    expect([await text(), await mode()]).toEqual([ORIGINAL, 0o640]);
  });

  it('is not made in a text that it was not planned for', async () => {
    await writeFile(path, 'server { listen 80; }\n');
    await expect(editHandler.apply(edit, context)).rejects.toThrow('it was changed in the meantime');
    expect(await text()).toBe('server { listen 80; }\n');
    expect(undos).toEqual([]);
  });
});

describe('a restoration', () => {
  beforeEach(() => editHandler.apply(edit, context));

  it('puts the text back as it was', async () => {
    expect(await restoreHandler.inspect(restore, context)).toEqual({
      change: 'change',
      before: EDITED,
      after: ORIGINAL,
    });
    await restoreHandler.apply(restore, context);
    expect([await text(), await mode()]).toEqual([ORIGINAL, 0o640]);
    expect(await restoreHandler.inspect(restore, context)).toBeUndefined();
  });

  it('keeps what others have written, and says so', async () => {
    await writeFile(path, `# theirs\n${EDITED}`);
    expect(await restoreHandler.inspect(restore, context)).toMatchObject({ details: ['touched'] });
    await restoreHandler.apply(restore, context);
    expect(await text()).toBe(`# theirs\n${ORIGINAL}`);
  });

  it('believes no copy that was tampered with, and needs none', async () => {
    await writeFile(backup, 'load_module /tmp/evil.so;\n');
    await restoreHandler.apply(restore, context);
    expect(await text()).toBe(ORIGINAL);
  });

  it('leaves alone what is not there any more', async () => {
    const missing = { ...restore, path: `${path}.gone` };
    expect(await restoreHandler.inspect(missing, context)).toBeUndefined();
    await restoreHandler.apply(missing, context);
  });
});

describe('a link', () => {
  it('is followed by whoever plans: the step has the file itself', async () => {
    const directory = join(path, '..', 'enabled');
    await mkdir(directory);
    const link = join(directory, 'site');
    await symlink('../site', link);
    await editHandler.apply(edit, context);
    expect(await readFile(link, 'utf8')).toBe(EDITED);
  });
});
