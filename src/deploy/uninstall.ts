/** What removes an installation: exactly what its manifest lists, and nothing that is not below our own directories. */
import { basename, dirname, join } from 'node:path';
import type { Layout } from './layout.ts';
import type { Manifest, WrittenFile } from './manifest.ts';
import { takeBackSteps } from './nginx/bypass-steps.ts';
import { NGINX_FILE, NGINX_HTTPS_FILE } from './nginx/own-servers.ts';
import {
  composeProject,
  directoryStep,
  type Owner,
  PRIVATE_DIRECTORY,
  PRIVATE_FILE,
  PUBLIC_DIRECTORY,
  PUBLIC_FILE,
  type Step,
} from './steps.ts';

/** Clients know the relay by these; they stay for the next installation unless they are to go too. */
const KEPT_PURPOSES = ['relay-key', 'certificate', 'certificate-key'];

const ROOT: Owner = { user: 'root', group: 'root' };

/** Whether a path of the manifest can be one that was installed: the list is not trusted blindly. */
function isOurs({ path, purpose }: Pick<WrittenFile, 'path'> & Partial<WrittenFile>, layout: Layout): boolean {
  const places = [layout.configDirectory, layout.stateDirectory, layout.programsDirectory];
  const below = places.some((place) => path === place || path.startsWith(`${place}/`));
  const isUnit =
    dirname(path) === layout.unitDirectory &&
    /^derp-(relay|setup)[\w-]*\.(service|timer)$/.test(path.slice(layout.unitDirectory.length + 1));
  // Where nginx reads files is different from one machine to the next; their name is ours alone.
  const isNginxs = purpose === 'nginx-config' && [NGINX_FILE, NGINX_HTTPS_FILE].includes(basename(path));
  const single = [layout.launcher, layout.tailscaledDropIn, dirname(layout.tailscaledDropIn)];
  return !path.split('/').includes('..') && (below || isUnit || isNginxs || single.includes(path));
}

/** A file of ours among nginx's own. */
function isNginxFile(path: string): boolean {
  return /\/derp-setup[\w-]*\.conf$/.test(path) && !path.split('/').includes('..');
}

function keptSteps(kept: readonly WrittenFile[], layout: Layout): Step[] {
  if (kept.length === 0) return [];
  // The user that they belong to goes; its number may be given to another one day.
  const files = kept.map(({ path, purpose }): Step => {
    const mode = purpose === 'certificate' ? PUBLIC_FILE : PRIVATE_FILE;
    return { kind: 'owner', purpose, path, mode, owner: ROOT };
  });
  const has = (directory: string) => kept.some(({ path }) => path.startsWith(`${directory}/`));
  const directories: Step[] = [];
  if (has(layout.certificateDirectory))
    directories.push(directoryStep(layout.certificateDirectory, PUBLIC_DIRECTORY, ROOT));
  if (has(layout.stateDirectory)) directories.push(directoryStep(layout.stateDirectory, PRIVATE_DIRECTORY, ROOT));
  return [...files, ...directories];
}

/** With each certificate's file, those that renewing keeps beside it: the one before, and the one to come. */
function withSiblings(files: readonly WrittenFile[]): WrittenFile[] {
  return files.flatMap((file) => {
    const { path, purpose } = file;
    if (purpose !== 'certificate' && purpose !== 'certificate-key') return [file];
    const next = path.replace(/\.(crt|key)$/, '.next.$1');
    return [file, { path: `${path}.previous`, purpose }, ...(next === path ? [] : [{ path: next, purpose }])];
  });
}

/** The same with the paths that the files have below a root. */
function manifestBelow(manifest: Manifest, root: string): Manifest {
  const below = (path: string) => join(root, path);
  return {
    ...manifest,
    files: manifest.files.map((file) => ({ ...file, path: below(file.path) })),
    directories: manifest.directories.map(below),
    trees: manifest.trees.map(below),
  };
}

/** The steps that remove the installation. With `purge`, keys and certificates go too. */
export function uninstallSteps(recorded: Manifest, layout: Layout, { purge }: { purge: boolean }): Step[] {
  const manifest = manifestBelow(recorded, layout.root);
  const ours = <T extends Pick<WrittenFile, 'path'>>(entries: readonly T[]) =>
    entries.filter((entry) => isOurs(entry, layout));
  const files = withSiblings(ours(manifest.files));
  const kept = purge ? [] : files.filter(({ purpose }) => KEPT_PURPOSES.includes(purpose));
  const removed = files.filter((file) => !kept.includes(file) && file.path !== layout.manifest);
  const directories = ours(manifest.directories.map((path) => ({ path }))).map(({ path }) => path);
  const remove = (what: 'file' | 'tree' | 'empty-directory', path: string): Step => ({ kind: 'remove', what, path });
  const nginxFiles = recorded.files.filter(({ purpose, path }) => purpose === 'nginx-share' && isNginxFile(path));
  const takeBack =
    layout.root === '/'
      ? takeBackSteps(
          recorded.nginx,
          nginxFiles.map(({ path }) => path),
        )
      : [];
  const steps: Step[] = [
    ...takeBack,
    ...[...manifest.units].reverse().map((unit): Step => ({ kind: 'disable', unit })),
  ];
  if (manifest.compose) steps.push({ kind: 'compose-down', project: composeProject(layout.composeDirectory) });
  if (manifest.firewall) steps.push({ kind: 'close-firewall', ...manifest.firewall });
  steps.push(...removed.map(({ path }) => remove('file', path)), { kind: 'reload-units' });
  const nginxs = removed.filter(({ purpose }) => purpose === 'nginx-config').map(({ path }) => path);
  if (nginxs.length > 0) steps.push({ kind: 'nginx', reloadFor: nginxs, isOptional: true });
  steps.push(...manifest.trees.filter((path) => path === layout.programsDirectory).map((path) => remove('tree', path)));
  if (purge) steps.push(remove('tree', layout.stateDirectory));
  // Last of the files: as long as it is there, a run that was cut short can be repeated.
  steps.push(...keptSteps(kept, layout), remove('file', layout.manifest));
  const isKept = (directory: string) => kept.some(({ path }) => path.startsWith(`${directory}/`));
  const isGone = (directory: string) => purge && directory === layout.stateDirectory;
  const empty = [...new Set([...directories].reverse())].filter((path) => !isKept(path) && !isGone(path));
  steps.push(...empty.map((path) => remove('empty-directory', path)));
  if (manifest.user !== undefined) steps.push({ kind: 'remove-user', name: manifest.user });
  return steps;
}
