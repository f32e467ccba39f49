/** The machine itself: its clock, its room, its limits, and what this user may see of it. */
import { isInstalledTarget } from '../../../deploy/target.ts';
import type { DoctorFacts } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';

const MB = 1_000_000;
/** A certificate and a key take kilobytes; an upgrade of the programs takes a few megabytes. */
const FULL_BYTES = 10 * MB;
const LOW_BYTES = 200 * MB;

/** What the relay itself needs open beside a socket for each client. */
const OTHER_FILES = 100;
/** A limit below this one meets a relay that becomes popular; systemd's usual soft limit is 1024. */
const FEW_FILES = 4096;
const CROWDED_SHARE = 0.8;

export function judgeClock({ clockSynchronized }: DoctorFacts): Finding[] {
  if (clockSynchronized === undefined) return [];
  return [clockSynchronized ? fine('clock-synchronized', {}) : warning('clock-not-synchronized', {})];
}

export function judgeDisk({ disks }: DoctorFacts): Finding[] {
  if (disks.length === 0) return [];
  const found = disks.flatMap(({ path, freeBytes, freeFiles }): Finding[] => {
    if (freeBytes < FULL_BYTES || freeFiles === 0) return [failed('disk-full', { path, freeBytes })];
    return freeBytes < LOW_BYTES ? [warning('disk-low', { path, freeBytes })] : [];
  });
  return found.length > 0
    ? found
    : [fine('disk-room', { freeBytes: Math.min(...disks.map((disk) => disk.freeBytes)) })];
}

export function judgeOpenFiles({ openFilesLimit: limit, relay }: DoctorFacts): Finding[] {
  if (limit === undefined || relay === undefined) return [];
  const { clients } = relay;
  if (clients + OTHER_FILES > limit * CROWDED_SHARE) return [failed('open-files-few', { limit, clients })];
  return [limit < FEW_FILES ? warning('open-files-few', { limit, clients }) : fine('open-files-enough', { limit })];
}

/** Without root, keys, rules of firewalls and other users' processes cannot be looked at. */
export function judgePrivileges({ isRoot, installed }: DoctorFacts): Finding[] {
  return isRoot || !isInstalledTarget(installed.target) ? [] : [warning('needs-root', {})];
}
