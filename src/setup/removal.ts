/** What `uninstall` would do on this machine. */
import { type Layout, layoutBelow } from '../deploy/layout.ts';
import type { Manifest } from '../deploy/manifest.ts';
import { NFT_TABLE } from '../deploy/nft-script.ts';
import type { Step } from '../deploy/steps.ts';
import { uninstallSteps } from '../deploy/uninstall.ts';
import { kindOfEntry } from '../system/files.ts';
import { listNftTable } from '../system/nft-table.ts';
import type { Problem } from './answers/problems.ts';
import { readInstallation } from './installation.ts';
import { type PreviewedStep, previewSteps, type RunFacts } from './preview.ts';
import { isUnfinished } from './unfinished.ts';

/** A removal that can be carried out as it is. */
export interface PreparedRemoval {
  layout: Layout;
  /** Undefined where nothing is installed. */
  manifest: Manifest | undefined;
  steps: Step[];
  preview: PreviewedStep[];
  runFacts: RunFacts;
  problems: Problem[];
  /** The table of address lists that somebody has loaded into the kernel, and that stays. */
  nftTable?: string;
}

/** Something that may not even be looked at is there too. */
async function isThere(path: string): Promise<boolean> {
  return (await kindOfEntry(path).catch(() => 'file')) !== 'missing';
}

/** Looks at the installation below `root`. Changes nothing. */
export async function prepareRemoval(
  root: string,
  { purge }: { purge: boolean },
  signal: AbortSignal,
): Promise<PreparedRemoval> {
  const layout = layoutBelow(root);
  const { manifest, problems } = await readInstallation(layout);
  const onMachine = root === '/';
  const unfinished = onMachine && (await isUnfinished());
  const runFacts: RunFacts = { onMachine, written: new Map(), unfinished };
  // Elsewhere there are files only: the units and the user are not this machine's.
  const isFileStep = ({ kind }: Step) => kind === 'remove';
  const all = manifest === undefined ? [] : uninstallSteps(manifest, layout, { purge });
  const there = await Promise.all(all.map((step) => step.kind !== 'owner' || isThere(step.path)));
  const present = all.filter((_, at) => there[at]);
  const steps = onMachine ? present : present.filter(isFileStep);
  const preview = await previewSteps(steps, runFacts, signal);
  const isLoaded = onMachine && process.getuid?.() === 0 && (await listNftTable(NFT_TABLE)) !== undefined;
  return { layout, manifest, steps, preview, runFacts, problems, ...(isLoaded && { nftTable: NFT_TABLE }) };
}
