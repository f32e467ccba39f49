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
import type { Bypass } from './bypass.ts';
import type { FileEdit } from './file-edits.ts';
import { type EditedFile, type NginxRecord, recordAfter } from './record.ts';
import type { SiteCheck, SourceFile } from './sites.ts';

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
  const [known, earlier] = [nginx.edited, nginx.earlier?.edited ?? []];
  const files = [...known, ...earlier.filter(({ path }) => !known.some((file) => file.path === path))];
  const dropped = files.filter(({ path }) => !except.includes(path));
  return dropped.map((record) => ({ kind: 'restore', path: record.path, record, nginx }));
}

/** The questions to sites; those that nobody asked at the last run are new. */
function siteChecks(sites: readonly SiteCheck[], old: NginxRecord | undefined): SiteCheck[] {
  const isKnown = (site: SiteCheck) =>
    old === undefined || old.sites.some(({ name, address }) => name === site.name && address === site.address);
  return sites.map((site) => (isKnown(site) ? site : { ...site, isNew: true }));
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
  const unneeded = (old?.edited ?? []).filter(({ path }) => !edited.some((file) => file.path === path));
  const changes = [...files, ...edits, ...restores, ...removals];
  const reloadFor = changes.map((step) => ('path' in step ? step.path : ''));
  return {
    before: [],
    after: [
      directoryStep(layout.nginxBackups, PRIVATE_DIRECTORY),
      ...backups,
      ...changes,
      { kind: 'nginx', reloadFor, sites: siteChecks(bypass.sites, old) },
      ...unneeded.map(({ backup }): Step => ({ kind: 'remove', what: 'file', path: backup })),
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
