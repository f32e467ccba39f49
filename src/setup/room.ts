/** Whether there is room on the disks for what a plan would write: better known before than half-way. */
import { sizeOf, spaceAt } from '../system/space.ts';
import type { Problem } from './answers/problems.ts';
import type { PreviewedStep } from './preview.ts';

/** Disks give room in pieces of this size, bytes. */
const BLOCK = 4096;
/** What a run needs besides what it writes: drafts, the copies that useradd makes, what other programs write meanwhile. */
const MARGIN = 1 << 20;

/** The path that a step writes to, and the bytes. */
async function demandOf({ step, finding }: PreviewedStep): Promise<{ path: string; bytes: number } | undefined> {
  const blocks = (bytes: number) => Math.ceil(bytes / BLOCK) * BLOCK;
  switch (step.kind) {
    case 'file':
      return { path: step.path, bytes: blocks(Buffer.byteLength(step.content)) };
    case 'programs': {
      const [files = '0', bytes = '0'] = finding.details ?? [];
      return { path: step.path, bytes: Number(bytes) + Number(files) * BLOCK };
    }
    case 'runtime':
      return { path: step.path, bytes: blocks(await sizeOf(step.from)) };
    case 'directory':
    case 'link':
      return { path: step.path, bytes: BLOCK };
    case 'user':
      return { path: '/etc/passwd', bytes: BLOCK };
    default:
      return undefined;
  }
}

/** A problem for each file system that lacks room, named by the path that needs most of it. @throws FileError */
export async function checkRoom(preview: readonly PreviewedStep[]): Promise<Problem[]> {
  const demands = (await Promise.all(preview.map(demandOf))).filter((demand) => demand !== undefined);
  const disks = new Map<number, { free: number; needed: number; path: string; largest: number }>();
  for (const { path, bytes } of demands) {
    const { device, free } = await spaceAt(path);
    const disk = disks.get(device) ?? { free, needed: MARGIN, path, largest: 0 };
    disk.needed += bytes;
    if (bytes > disk.largest) Object.assign(disk, { path, largest: bytes });
    disks.set(device, disk);
  }
  const full = [...disks.values()].filter(({ free, needed }) => needed > free);
  return full.map(({ path, needed, free }) => ({ subject: path, rule: { code: 'no-room', needed, free } }));
}
