/**
 * A machine's own control groups. systemd in the machine takes what it finds at the top as its own, so two machines need
 * two tops; a host that has both versions of control groups wants one in each.
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './wait.ts';

/** Where systemd looks: its old hierarchy with the new one beside it, or the new one alone. */
function hierarchies(): string[] {
  const alone = '/sys/fs/cgroup/cgroup.controllers';
  return existsSync(alone)
    ? ['/sys/fs/cgroup']
    : ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'].filter(existsSync);
}

/** Makes a control group of this name in every hierarchy, and gives the folders. */
export function makeControlGroups(name: string): string[] {
  const groups = hierarchies().map((hierarchy) => join(hierarchy, name));
  for (const group of groups) mkdirSync(group, { recursive: true });
  return groups;
}

/** The groups of this name that a machine's engine of containers has made in the hierarchies of limits. */
export function furtherControlGroups(name: string): string[] {
  const top = '/sys/fs/cgroup';
  return readdirSync(top)
    .map((hierarchy) => join(top, hierarchy, name))
    .filter((group) => existsSync(group));
}

/** Removes them, and those below. The processes in them must have been told to end. */
export async function removeControlGroups(groups: readonly string[]): Promise<void> {
  for (const group of groups) {
    await until(`the processes in ${group} to end`, { seconds: 10, pauseMs: 20 }, () => {
      removeBelow(group);
      return !existsSync(group);
    });
  }
}

function removeBelow(group: string): void {
  if (!existsSync(group)) return;
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeBelow(join(group, entry.name));
  }
  rmdirSync(group);
}
