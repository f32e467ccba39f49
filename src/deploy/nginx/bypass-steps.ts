/** The steps that have nginx share its port, and those that take this back. */
import { basename, join } from 'node:path';
import type { Layout } from '../layout.ts';
import { digestOf } from '../manifest.ts';
import {
  directoryStep,
  type EditStep,
  PRIVATE_DIRECTORY,
  publicFileStep,
  type RestoreStep,
  type Step,
  secretFileStep,
} from '../steps.ts';
import type { Bypass, SourceFile } from './bypass.ts';
import type { FileEdit } from './file-edits.ts';
import { type EditedFile, type NginxRecord, recordAfter } from './record.ts';

/** What is done to nginx in the course of a plan. */
export interface NginxChange {
  /** Done before anything else: nginx gives back what this plan does not need any more. */
  before: Step[];
  /** Done when the relay serves. */
  after: Step[];
  record?: NginxRecord;
}

/** Where the copy of a file goes: files of one name in several folders are told apart. */
function backupPath(layout: Layout, path: string): string {
  return join(layout.nginxBackups, `${basename(path)}.${digestOf(path).slice(0, 8)}`);
}

function editedFile({ path, original, edited, replaced }: FileEdit, layout: Layout): EditedFile {
  const backup = backupPath(layout, path);
  return { path, backup, originalSha256: digestOf(original), editedSha256: digestOf(edited), replaced };
}

/** The steps that take changes out of these files. */
export function restoreSteps(nginx: NginxRecord | undefined, except: readonly string[] = []): RestoreStep[] {
  if (nginx === undefined) return [];
  const files = [...nginx.edited, ...(nginx.earlier?.edited ?? [])].filter(({ path }) => !except.includes(path));
  const first = new Map([...files].reverse().map((record) => [record.path, record]));
  return [...first.values()].map((record) => ({ kind: 'restore', path: record.path, record, nginx }));
}

/** Has nginx share the port from now on. `ours`: the files of ours that an earlier run has put into its configuration. */
export function bypassChange(
  bypass: Bypass,
  { port, sitesPort, sources }: { port: number; sitesPort: number; sources: readonly SourceFile[] },
  layout: Layout,
  { nginx: old, ours }: { nginx: NginxRecord | undefined; ours: readonly string[] },
): NginxChange {
  const edited = bypass.edits.map((edit) => editedFile(edit, layout));
  const doors = bypass.doors.map(({ address, inner }) => ({ address, inner }));
  const record = recordAfter(old, { port, sitesPort, doors, edited, sites: bypass.sites });
  const edits = bypass.edits.map(({ path, edited: content }, at): EditStep => {
    const expected = sources.find((source) => source.realPath === path)?.current ?? '';
    return { kind: 'edit', path, expected, content, record: edited[at]! };
  });
  const restores = restoreSteps(
    old,
    edits.map(({ path }) => path),
  );
  const files = bypass.files.map(({ path, content }) => publicFileStep('nginx-share', path, content));
  const stale = ours.filter((path) => !files.some((file) => file.path === path));
  const removals = stale.map((path): Step => ({ kind: 'remove', what: 'file', path }));
  const backups = bypass.edits.map(({ original }, at) => secretFileStep('nginx-backup', edited[at]!.backup, original));
  const changes = [...files, ...edits, ...restores, ...removals];
  const reloadFor = changes.map((step) => ('path' in step ? step.path : ''));
  return {
    before: [],
    after: [
      directoryStep(layout.nginxBackups, PRIVATE_DIRECTORY),
      ...backups,
      ...changes,
      { kind: 'nginx', reloadFor, sites: bypass.sites },
    ],
    record,
  };
}

/** Has nginx take its port back. Its own copies stay until everything else has gone well. */
export function takeBackSteps(nginx: NginxRecord | undefined, ours: readonly string[]): Step[] {
  if (nginx === undefined && ours.length === 0) return [];
  const restores = restoreSteps(nginx);
  const removals = ours.map((path): Step => ({ kind: 'remove', what: 'file', path }));
  const reloadFor = [...restores.map(({ path }) => path), ...ours];
  return [...restores, ...removals, { kind: 'nginx', reloadFor, ...(nginx && { sites: nginx.sites }) }];
}

/** The copies that are not needed any more. */
export function backupRemovals(nginx: NginxRecord | undefined, layout: Layout): Step[] {
  if (nginx === undefined) return [];
  const paths = new Set([...nginx.edited, ...(nginx.earlier?.edited ?? [])].map(({ backup }) => backup));
  const removals = [...paths].map((path): Step => ({ kind: 'remove', what: 'file', path }));
  return [...removals, { kind: 'remove', what: 'empty-directory', path: layout.nginxBackups }];
}
