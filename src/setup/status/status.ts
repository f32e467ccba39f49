/** How an installed relay is, in one document. Judging is pure; `gather.ts` finds the facts. */

import type { DeployTarget } from '../../deploy/target.ts';
import type { RenewalFailure } from '../certificate/renewal-failure.ts';
import type { RelayCounters, Traffic } from './counters.ts';
import type { Installed } from './installed.ts';
import { mapEntry, readValue, type Whereabouts, whereabouts } from './installed.ts';

/** The service that runs the relay. */
export interface ServiceStatus {
  unit: string;
  /** systemd knows the unit. */
  found: boolean;
  /** systemd's word: `active`, `inactive`, `failed`, `activating` … */
  active: string;
  subState: string;
  /** It is started at boot. */
  enabled: boolean;
  pid: number | undefined;
  since: Date | undefined;
  /** How often systemd has started it again by itself. */
  restarts: number;
  exitStatus: number | undefined;
}

/** The container that runs the relay. */
export interface ContainerStatus {
  name: string;
  /** Docker knows the container. */
  found: boolean;
  /** Docker's word: `running`, `exited`, `restarting` …; empty where there is none. */
  status: string;
  /** By its own check: `starting`, `healthy`, `unhealthy`. */
  health: string | undefined;
  image: string | undefined;
  /** It is started when the machine is. */
  startsAtBoot: boolean;
  pid: number | undefined;
  since: Date | undefined;
  /** How often Docker has started it again by itself. */
  restarts: number;
  exitStatus: number | undefined;
}

/** The certificate that clients see, or would see if the relay ran. */
export interface CertificateStatus {
  /** `self-signed`, `manual` …; undefined when the answers cannot be read. */
  mode: string | undefined;
  notAfter: Date;
  /** `served`: by the relay, just now; `file`: it does not run. */
  source: 'served' | 'file';
}

/** When the certificate is looked at next, and whether that went well the last time. */
export interface RenewalStatus {
  active: boolean;
  next: Date | undefined;
  failed: boolean;
  /** Why there is no new one though one was tried for, as far as this user may know. */
  failure: RenewalFailure | undefined;
}

/** What stands before the relay; without a version where it cannot be asked. */
export interface StatusFront {
  name: 'nginx';
  version: string | undefined;
}

/** Everything that was found out. */
export interface StatusFacts {
  now: Date;
  ownVersion: string;
  installed: Installed;
  /** Undefined without systemd, and for a relay in the foreground. */
  service: ServiceStatus | undefined;
  /** Undefined where no container runs the relay, and where Docker does not answer. */
  container: ContainerStatus | undefined;
  renewal: RenewalStatus | undefined;
  certificate: CertificateStatus | undefined;
  relay: RelayCounters | undefined;
  traffic: Traffic | undefined;
  /** What clients come through on this machine. */
  front?: StatusFront | undefined;
  /** Paths of files that this user may not read, though they would say more. */
  unreadable: readonly string[];
}

/** Why a relay does not serve as it should. */
export type Shortcoming =
  | 'prepared-only'
  | 'foreground-ended'
  | 'service-missing'
  | 'service-stopped'
  | 'service-restarting'
  | 'container-missing'
  | 'container-stopped'
  | 'container-restarting'
  | 'relay-silent'
  | 'certificate-ended';

/** How the relay is. Fields of its JSON form are added over time, never taken away. */
export interface Status {
  /** It serves as it should. */
  ok: boolean;
  shortcomings: Shortcoming[];
  root: string;
  target: DeployTarget;
  host: string | undefined;
  ports: Whereabouts['ports'] | undefined;
  front?: StatusFront | undefined;
  versions: {
    /** Of the program that tells this. */
    own: string;
    installed: string | undefined;
    running: string | undefined;
  };
  service: ServiceStatus | undefined;
  container: ContainerStatus | undefined;
  certificate: (CertificateStatus & { daysLeft: number }) | undefined;
  renewal: RenewalStatus | undefined;
  /** How clients are admitted: `none` is everybody; undefined when nobody says. */
  admission: string[] | undefined;
  map: { regionId: number; regionCode: string; nodeName: string; pin: string | undefined } | undefined;
  relay: RelayCounters | undefined;
  traffic: Traffic | undefined;
  unreadable: readonly string[];
}

const DAY_MS = 24 * 3600 * 1000;

/** Whole days from `now` until `date`; negative when it is over. */
export function daysUntil(date: Date, now: Date): number {
  return Math.floor((date.getTime() - now.getTime()) / DAY_MS);
}

/** Why a container does not serve, if it does not run. */
function containerShortcoming({ found, status }: ContainerStatus): Shortcoming | undefined {
  if (!found) return 'container-missing';
  if (status === 'restarting') return 'container-restarting';
  return status === 'running' ? undefined : 'container-stopped';
}

function shortcomings({ installed, service, container, relay, certificate, now }: StatusFacts): Shortcoming[] {
  if (!installed.onMachine) return ['prepared-only'];
  const found: Shortcoming[] = [];
  const ended = container && containerShortcoming(container);
  if (installed.target === 'foreground') {
    if (relay === undefined) found.push('foreground-ended');
  } else if (ended !== undefined) found.push(ended);
  else if (service !== undefined && !service.found) found.push('service-missing');
  else if (service !== undefined && (service.subState === 'auto-restart' || service.active === 'activating')) {
    found.push('service-restarting');
  } else if (service !== undefined && service.active !== 'active' && service.active !== 'reloading') {
    found.push('service-stopped');
  } else if (relay === undefined) found.push('relay-silent');
  if (certificate !== undefined && certificate.notAfter <= now) found.push('certificate-ended');
  return found;
}

/** How clients are admitted: the running relay knows best, then what it is told. */
function admissionOf({ installed, relay }: StatusFacts): string[] | undefined {
  if (relay?.admission !== undefined) return relay.admission.length === 0 ? ['none'] : relay.admission;
  const settings = readValue(installed.relay);
  if (settings !== undefined) {
    const { admission } = settings;
    if (admission === null) return ['none'];
    const { keyFile, tailscaled, url } = admission;
    return [...(keyFile ? ['key_file'] : []), ...(tailscaled ? ['tailscaled'] : []), ...(url ? ['url'] : [])];
  }
  return installed.target === 'foreground' ? ['none'] : undefined;
}

/** Puts the facts together. */
export function statusOf(facts: StatusFacts): Status {
  const { installed, certificate, now, relay, ownVersion } = facts;
  const where = whereabouts(installed);
  const map = readValue(installed.derpMap);
  const entry = map && mapEntry(map);
  const missing = shortcomings(facts);
  return {
    ok: missing.length === 0,
    shortcomings: missing,
    root: installed.layout.root,
    target: installed.target,
    host: where?.host,
    ports: where?.ports,
    front: facts.front,
    versions: { own: ownVersion, installed: installed.version, running: relay?.version },
    service: facts.service,
    container: facts.container,
    certificate: certificate && { ...certificate, daysLeft: daysUntil(certificate.notAfter, now) },
    renewal: facts.renewal,
    admission: admissionOf(facts),
    map: entry && {
      regionId: entry.region.RegionID,
      regionCode: entry.region.RegionCode,
      nodeName: entry.node.Name,
      pin: where?.pin,
    },
    relay,
    traffic: facts.traffic,
    unreadable: facts.unreadable,
  };
}
