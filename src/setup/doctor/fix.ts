/** Mends what can be mended without a decision of anybody's. */
import { setTimeout as delay } from 'node:timers/promises';
import { RELAY_CONTAINER, RELAY_UNIT } from '../../deploy/layout.ts';
import { formatManifest } from '../../deploy/manifest.ts';
import type { Opening } from '../../deploy/steps.ts';
import { signalContainer, startContainer } from '../../system/containers.ts';
import { setEntryMode, setEntryOwner } from '../../system/file-access.ts';
import { FileError, writeFileAtomic } from '../../system/files.ts';
import { detectFirewall, FirewallError, openPorts } from '../../system/firewall.ts';
import { CommandError } from '../../system/processes.ts';
import { daemonReload, enableUnit, reloadUnit, resetFailedUnit, startUnit } from '../../system/services.ts';
import { findUser } from '../../system/users.ts';
import { readRelayStatus } from '../relay-status.ts';
import { readValue } from '../status/installed.ts';
import type { DoctorFacts } from './facts.ts';
import type { Finding, Fix } from './findings.ts';

/** What became of one. `detail` says why it failed. */
export interface FixOutcome {
  fix: Fix;
  detail?: string;
}

/** How long a relay may take until it answers, milliseconds; slow machines take a few seconds to load it. */
const START_TIMEOUT_MS = 15_000;
const POLL_MS = 200;
/** How long a relay takes to read its certificate again, milliseconds. */
const RELOAD_MS = 500;

/** In this order: a unit is started with its new file, and when it can read what it needs. */
const ORDER: readonly Fix['kind'][] = [
  'owner',
  'mode',
  'daemon-reload',
  'enable',
  'open-firewall',
  'start',
  'start-container',
  'reload',
];

/** The fixes of these findings, each once. @param openFirewall the user asked for that */
export function plannedFixes(findings: readonly Finding[], { openFirewall }: { openFirewall: boolean }): Fix[] {
  const fixes = new Map<string, Fix>();
  for (const { fix } of findings) {
    if (fix !== undefined && (openFirewall || fix.kind !== 'open-firewall')) fixes.set(JSON.stringify(fix), fix);
  }
  return [...fixes.values()].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

async function giveTo(path: string, owner: string): Promise<void> {
  const [userName = '', groupName = ''] = owner.split(':');
  const [user, group] = await Promise.all([findUser(userName), findUser(groupName)]);
  // Every group that is given files has a user of the same name.
  if (user === undefined || group === undefined) throw new FileError('write', path, 'other', new Error(`no ${owner}`));
  await setEntryOwner(path, { uid: user.uid, gid: group.gid });
}

/** Opens what is closed, and writes it down, so that uninstalling closes it again. */
async function openFirewall({ installed, firewall: found }: DoctorFacts): Promise<void> {
  const firewall = await detectFirewall();
  if (firewall === undefined || found === undefined || found === 'none') return;
  await openPorts(firewall, found.closed);
  const manifest = readValue(installed.manifest);
  if (manifest === undefined) return;
  const known = manifest.firewall?.openings ?? [];
  const isKnown = ({ protocol, port }: Opening) => known.some((one) => one.protocol === protocol && one.port === port);
  const openings = [...known, ...found.closed.filter((opening) => !isKnown(opening))];
  const text = formatManifest({ ...manifest, firewall: { tool: firewall.tool, openings } });
  await writeFileAtomic(installed.layout.manifest, text);
}

/** Waits until the relay answers; systemd counts it as started before it has read its files. Gives up silently. */
async function untilRelayAnswers({ where }: DoctorFacts): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (where !== undefined && Date.now() < deadline) {
    if ((await readRelayStatus(where.listens.derp, undefined, where.listens)) !== undefined) return;
    await delay(POLL_MS);
  }
}

async function apply(fix: Fix, facts: DoctorFacts): Promise<void> {
  switch (fix.kind) {
    case 'daemon-reload':
      return daemonReload();
    case 'enable':
      return enableUnit(fix.unit);
    case 'start':
      // One that was started too often is not started again before that is forgotten.
      await resetFailedUnit(fix.unit);
      await startUnit(fix.unit);
      return fix.unit === RELAY_UNIT ? untilRelayAnswers(facts) : undefined;
    case 'start-container':
      await startContainer(fix.name);
      return untilRelayAnswers(facts);
    case 'reload':
      if (facts.installed.target === 'compose') await signalContainer(RELAY_CONTAINER, 'HUP');
      else await reloadUnit(fix.unit);
      // The signal is sent; what the relay does about it takes a moment.
      return delay(RELOAD_MS);
    case 'mode':
      return setEntryMode(fix.path, fix.mode);
    case 'owner':
      return giveTo(fix.path, fix.owner);
    case 'open-firewall':
      return openFirewall(facts);
  }
}

/** Does them in order; one that fails does not keep the others from being done. */
export async function applyFixes(fixes: readonly Fix[], facts: DoctorFacts): Promise<FixOutcome[]> {
  const outcomes: FixOutcome[] = [];
  for (const fix of fixes) {
    try {
      await apply(fix, facts);
      outcomes.push({ fix });
    } catch (error) {
      const expected = [CommandError, FileError, FirewallError].some((kind) => error instanceof kind);
      if (!expected) throw error;
      outcomes.push({ fix, detail: (error as Error).message });
    }
  }
  return outcomes;
}
