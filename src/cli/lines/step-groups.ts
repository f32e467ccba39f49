/** Steps that belong together, so that people read ten lines and not thirty. */
import { dirname } from 'node:path';
import type { Step } from '../../deploy/steps.ts';
import type { PreviewedStep } from '../../setup/preview.ts';

/** What a group of steps does. */
export type GroupKind =
  | 'user'
  | 'programs'
  | 'certificate'
  | 'order'
  | 'relay-key'
  | 'files'
  | 'directories'
  | 'firewall'
  | 'stop-derper'
  | 'nginx'
  | 'edits'
  | 'restore'
  | 'boot'
  | 'service'
  | 'image'
  | 'compose'
  | 'compose-down'
  | 'keep'
  | 'remove-files'
  | 'remove-tree'
  | 'remove-directories'
  | 'disable'
  | 'reload-units'
  | 'close-firewall'
  | 'remove-user';

/** Steps that are told in one line. */
export interface StepGroup {
  kind: GroupKind;
  members: PreviewedStep[];
}

/** What a step is part of; steps with the same key are told together. */
export function groupKeyOf(step: Step): { kind: GroupKind; key: string } {
  const alone = (kind: GroupKind, subject = '') => ({ kind, key: `${kind} ${subject}` });
  switch (step.kind) {
    case 'directory':
      return alone('directories');
    case 'programs':
    case 'runtime':
    case 'link':
      return alone('programs');
    case 'certificate':
      return alone('order');
    case 'edit':
      return alone('edits', dirname(step.path));
    case 'restore':
      return alone('restore', dirname(step.path));
    case 'enable':
      return alone('boot');
    case 'owner':
      return alone('keep', dirname(step.path));
    case 'file':
      switch (step.purpose) {
        case 'launcher':
          return alone('programs');
        case 'certificate':
        case 'certificate-key':
          return alone('certificate');
        case 'relay-key':
        case 'prover-keys':
          return alone('relay-key');
        default:
          return alone('files', dirname(step.path));
      }
    case 'remove':
      if (step.what === 'file') return alone('remove-files', dirname(step.path));
      return step.what === 'tree' ? alone('remove-tree', step.path) : alone('remove-directories');
    case 'user':
    case 'service':
    case 'image':
    case 'compose':
    case 'compose-down':
    case 'firewall':
    case 'stop-derper':
    case 'nginx':
    case 'disable':
    case 'reload-units':
    case 'close-firewall':
    case 'remove-user':
      return alone(step.kind);
  }
}

/** The path that a step writes; undefined for one that changes something else. */
export function writtenPath(step: Step): string | undefined {
  return 'path' in step && step.kind !== 'remove' && step.kind !== 'owner' ? step.path : undefined;
}

const isBelow = (path: string, directory: string) =>
  path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);

/**
 * The groups of a plan, in the order in which they are finished. A directory goes with the first thing that is put
 * into it, and systemd's second look at its files with what was done before it.
 */
export function groupSteps(preview: readonly PreviewedStep[]): StepGroup[] {
  const groups = new Map<string, StepGroup & { last: number }>();
  const directories: { member: PreviewedStep; path: string }[] = [];
  for (const [at, member] of preview.entries()) {
    const { step } = member;
    if (step.kind === 'directory') {
      directories.push({ member, path: step.path });
      continue;
    }
    if (step.kind === 'reload-units' && groups.size > 0) continue;
    const { kind, key } = groupKeyOf(step);
    const group = groups.get(key) ?? { kind, members: [], last: at };
    group.members.push(member);
    group.last = at;
    groups.set(key, group);
  }
  const found = [...groups.values()].sort((a, b) => a.last - b.last);
  const lonely: PreviewedStep[] = [];
  for (const { member, path } of directories) {
    const group = found.find(({ members }) => members.some(({ step }) => isBelow(writtenPath(step) ?? '', path)));
    if (group) group.members.unshift(member);
    else lonely.push(member);
  }
  if (lonely.length > 0) found.unshift({ kind: 'directories', members: lonely, last: -1 });
  return found.map(({ kind, members }) => ({ kind, members }));
}
