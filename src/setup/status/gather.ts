/** Finds out how an installed relay is. Changes nothing, and every look is bounded in time. */

import type { X509Certificate } from 'node:crypto';
import { type Layout, layoutBelow, RELAY_CONTAINER, RELAY_UNIT, RENEW_TIMER, RENEW_UNIT } from '../../deploy/layout.ts';
import { runsAsUnit } from '../../deploy/target.ts';
import { containerState } from '../../system/containers.ts';
import { FileError, readText } from '../../system/files.ts';
import { findNginx } from '../../system/nginx.ts';
import { CommandError } from '../../system/processes.ts';
import { isSystemdRunning, recentJournal, timerNext, type UnitState, unitState } from '../../system/services.ts';
import { parseChain } from '../certificate/pair.ts';
import { judgeRenewalFailure, rememberedOrders } from '../certificate/renewal-failure.ts';
import { readRelayStatus } from '../relay-status.ts';
import { readCounters, type Sample, trafficBetween } from './counters.ts';
import { type Installed, isInstalled, readInstalled, readValue, tlsPort, whereabouts } from './installed.ts';
import { readServedChain } from './served-certificate.ts';
import type { CertificateStatus, ContainerStatus, RenewalStatus, ServiceStatus, StatusFacts } from './status.ts';

/** Where to look. */
export interface Places {
  /** What the user says. */
  root: string | undefined;
  /** Where a relay in the foreground keeps its files when nobody says. */
  userRoot: string;
}

/** The installation that there is: where the user says, else this machine's, else one of the user's own. */
export async function locateInstallation({ root, userRoot }: Places): Promise<Layout | undefined> {
  for (const candidate of root === undefined ? ['/', userRoot] : [root]) {
    const layout = layoutBelow(candidate);
    if (await isInstalled(layout)) return layout;
  }
  return undefined;
}

/** What systemd says, or undefined where it does not run or cannot be asked. */
export async function askSystemd<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return (await isSystemdRunning()) ? await ask() : undefined;
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

function serviceStatus(unit: string, state: UnitState): ServiceStatus {
  const { found, active, subState, enabled, mainPid, since, restarts, exitStatus } = state;
  return { unit, found, active, subState, enabled, pid: mainPid, since, restarts, exitStatus };
}

/** When the certificate is looked at next; undefined where no timer does that. */
export const nextRenewal = (): Promise<Date | undefined> => askSystemd(() => timerNext(RENEW_TIMER));

/** The last lines say why a run failed; more of them are other runs'. */
const JOURNAL_LINES = 20;

/** What Docker says, or undefined where it cannot be asked. */
async function readContainer(): Promise<ContainerStatus | undefined> {
  const name = RELAY_CONTAINER;
  try {
    const state = await containerState(name);
    const { status = '', health, image, startsAtBoot = false, pid, since, restarts = 0, exitStatus } = state ?? {};
    const found = state !== undefined;
    return { name, found, status, health, image, startsAtBoot, pid, since, restarts, exitStatus };
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

async function readRenewal(
  installed: Installed,
  leaf: X509Certificate | undefined,
  now: Date,
): Promise<RenewalStatus | undefined> {
  const [timer, service, next, memory] = await Promise.all([
    askSystemd(() => unitState(RENEW_TIMER)),
    askSystemd(() => unitState(RENEW_UNIT)),
    nextRenewal(),
    rememberedOrders(installed),
  ]);
  if (timer === undefined || !timer.found) return undefined;
  const failed = service?.active === 'failed';
  const journal = failed ? await recentJournal(RENEW_UNIT, { lines: JOURNAL_LINES }) : [];
  const run = { failed, endedAt: service?.since, timerNext: next, journal };
  const failure = judgeRenewalFailure({ run, memory, leaf, now });
  return { active: timer.active === 'active', next, failed, failure };
}

interface CertificateLook {
  certificate?: CertificateStatus;
  leaf?: X509Certificate;
  /** The file that this user may not read. */
  denied?: string;
}

async function readCertificate(installed: Installed, signal?: AbortSignal): Promise<CertificateLook> {
  const where = whereabouts(installed);
  if (where === undefined) return {};
  const mode = readValue(installed.answers)?.given.cert?.value ?? (where.pin === undefined ? undefined : 'self-signed');
  const served = installed.onMachine ? await readServedChain(where.host, tlsPort(where), signal) : undefined;
  const lookAt = (leaf: X509Certificate, source: CertificateStatus['source']): CertificateLook => ({
    certificate: { mode, notAfter: new Date(leaf.validTo), source },
    leaf,
  });
  if (served?.[0]) return lookAt(served[0], 'served');
  const path = installed.layout.certificate(where.host);
  try {
    const leaf = parseChain(await readText(path))?.[0];
    return leaf ? lookAt(leaf, 'file') : {};
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return error.problem === 'denied' ? { denied: path } : {};
  }
}

function deniedFiles({ answers, relay, derpMap, manifest }: Installed): string[] {
  return [answers, relay, derpMap, manifest].flatMap((reading) => {
    if (reading.state !== 'bad') return [];
    const { rule } = reading.problem;
    return rule.code === 'file' && rule.problem === 'denied' ? [reading.path] : [];
  });
}

/** The facts, and a sample of the counters to compare the next one with. */
export async function gatherStatus(
  layout: Layout,
  before?: Sample,
  signal?: AbortSignal,
): Promise<{ facts: StatusFacts; sample: Sample }> {
  const installed = await readInstalled(layout);
  const listens = installed.onMachine ? whereabouts(installed)?.listens : undefined;
  const isService = installed.onMachine && runsAsUnit(installed.target);
  const isContainer = installed.onMachine && installed.target === 'compose';
  const now = new Date();
  const [answer, service, container, look] = await Promise.all([
    listens && readRelayStatus(listens.derp, signal, listens),
    isService ? askSystemd(() => unitState(RELAY_UNIT)) : undefined,
    isContainer ? readContainer() : undefined,
    readCertificate(installed, signal),
  ]);
  const isBehindNginx = isService && installed.target === 'nginx-bypass';
  const front = isBehindNginx ? ({ name: 'nginx', version: (await findNginx())?.version } as const) : undefined;
  const renewal = isService || isContainer ? await readRenewal(installed, look.leaf, now) : undefined;
  const sample: Sample = { at: performance.now(), counters: answer && readCounters(answer) };
  const facts: StatusFacts = {
    now,
    ownVersion: __VERSION__,
    installed,
    service: service && serviceStatus(RELAY_UNIT, service),
    container,
    renewal,
    certificate: look.certificate,
    relay: sample.counters,
    traffic: trafficBetween(before, sample),
    ...(front && { front }),
    unreadable: [...deniedFiles(installed), ...(look.denied === undefined ? [] : [look.denied])],
  };
  return { facts, sample };
}
