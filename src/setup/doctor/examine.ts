/** The doctor's visit: gathers all facts, as far as this user may, and judges them. Changes nothing. */

import type { Layout } from '../../deploy/layout.ts';
import { runsAsUnit } from '../../deploy/target.ts';
import { openFilesLimit } from '../../system/open-files.ts';
import { processSchedule } from '../../system/process-schedule.ts';
import { judgeRenewalFailure, type RenewalRun, rememberedOrders } from '../certificate/renewal-failure.ts';
import { readRelayStatus } from '../relay-status.ts';
import { isRenewedByCron } from '../renewal-by-cron.ts';
import { readCounters } from '../status/counters.ts';
import { readInstalled, readValue, tlsPort, whereabouts } from '../status/installed.ts';
import { readServedChain } from '../status/served-certificate.ts';
import { type Judged, judgeAll } from './checks.ts';
import type { DoctorFacts, UnitFacts } from './facts.ts';
import { gatherAddressLists, gatherNftRules } from './gather/addresses.ts';
import { gatherAdmission } from './gather/admission.ts';
import { gatherCertificate } from './gather/certificate.ts';
import { gatherContainer } from './gather/container.ts';
import { gatherDisks, gatherEdited, gatherFiles, gatherKey } from './gather/files.ts';
import { gatherDerpers, gatherFirewall, gatherPorts, gatherRuntime } from './gather/machine.ts';
import { gatherNginx } from './gather/nginx.ts';
import { gatherProbe } from './gather/probe.ts';
import { gatherHost } from './gather/routes.ts';
import { gatherTailnet } from './gather/tailnet.ts';
import { gatherClock, gatherUnits } from './gather/units.ts';
import { relayPid } from './relay-log.ts';

/** What a visit needs. */
export interface VisitInput {
  layout: Layout;
  environment: Record<string, string | undefined>;
  signal: AbortSignal;
}

function renewalRun({ renewal, timerNext, renewalJournal }: UnitFacts): RenewalRun {
  return { failed: renewal.active === 'failed', endedAt: renewal.since, timerNext, journal: renewalJournal };
}

/** Everything that this user can find out. Each look is bounded in time. */
export async function gatherFacts({ layout, environment, signal }: VisitInput): Promise<DoctorFacts> {
  const now = new Date();
  const isRoot = process.getuid?.() === 0;
  const installed = await readInstalled(layout);
  const where = whereabouts(installed);
  const { onMachine, target } = installed;
  const rules = readValue(installed.relay)?.admission;
  const isService = onMachine && runsAsUnit(target);
  const isContainer = onMachine && target === 'compose';
  const nothing = async () => undefined;
  // What is looked at only on the machine that the relay is for, and of it some only as root.
  const here = <T>(look: () => Promise<T>) => (onMachine ? look() : nothing());
  const asRoot = <T>(look: () => Promise<T>) => (onMachine && isRoot ? look() : nothing());
  const [answer, served, units, container, key, ports, tailnet, memory] = await Promise.all([
    here(async () => where && readRelayStatus(where.listens.derp, signal, where.listens)),
    here(async () => where && readServedChain(where.host, tlsPort(where), signal)),
    isService || isContainer ? gatherUnits(now) : undefined,
    isContainer ? gatherContainer(now) : undefined,
    gatherKey(layout.relayKey),
    here(async () => where && gatherPorts({ ...where.ports, ...where.listens })),
    here(() => gatherTailnet(rules?.tailscaled?.socket)),
    isService || isContainer ? rememberedOrders(installed) : undefined,
  ]);
  const relay = answer && readCounters(answer);
  const identity = relay && { publicKey: relay.publicKey, fingerprint: served?.[0]?.fingerprint256 };
  const [certificate, host] = await Promise.all([
    gatherCertificate(installed, served, environment, now),
    here(async () => where && gatherHost(installed, where, identity, signal)),
  ]);
  signal.throwIfAborted();
  const pid = relayPid({ units, container }) ?? ports?.find(({ purpose }) => purpose === 'derp')?.owner?.pid;
  const [
    probe,
    files,
    edited,
    runtime,
    firewall,
    derpers,
    admission,
    addressLists,
    clock,
    disks,
    limit,
    schedule,
    nftRules,
    nginx,
  ] = await Promise.all([
    relay && where ? gatherProbe(installed, where, host?.routes ?? [], certificate?.extraCa ?? '', signal) : undefined,
    gatherFiles(installed),
    gatherEdited(readValue(installed.manifest)),
    isService ? gatherRuntime(layout) : undefined,
    asRoot(async () => where && gatherFirewall(where.ports)),
    asRoot(async () => where && gatherDerpers(where.ports)),
    here(() => gatherAdmission(rules, tailnet?.nodes)),
    here(() => gatherAddressLists(installed)),
    here(gatherClock),
    gatherDisks(installed),
    pid === undefined ? undefined : openFilesLimit(pid),
    pid === undefined ? undefined : processSchedule(pid),
    asRoot(() => gatherNftRules(installed)),
    asRoot(async () => (target === 'nginx-bypass' && where ? gatherNginx(where) : undefined)),
  ]);
  return {
    now,
    isRoot,
    installed,
    where,
    units,
    container,
    renewedByCron: isContainer && units === undefined ? await isRenewedByCron() : undefined,
    renewalFailure: units && judgeRenewalFailure({ run: renewalRun(units), memory, leaf: served?.[0], now }),
    relay,
    key,
    files,
    edited,
    runtime,
    host,
    ports: ports ?? [],
    certificate: certificate?.facts,
    firewall,
    derpers: derpers ?? [],
    admission: admission ?? {},
    addressLists: addressLists ?? [],
    tailnet,
    clockSynchronized: clock,
    disks,
    openFilesLimit: limit,
    schedule,
    nftRules,
    probe,
    nginx,
  };
}

/** A visit: what was found out, and what it means. */
export async function examine(input: VisitInput): Promise<{ facts: DoctorFacts; findings: Judged[] }> {
  const facts = await gatherFacts(input);
  return { facts, findings: judgeAll(facts) };
}
