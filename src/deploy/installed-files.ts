/** What every target writes that stays on the machine: the programs, the relay's data, and what renews its certificate. */
import { join } from 'node:path';
import { headscaleYaml } from '../derp-map/headscale.ts';
import type { DerpMap } from '../derp-map/region.ts';
import type { RelayConfig } from '../relay/config.ts';
import { endFormerRunner, type FormerRunner } from './former-runner.ts';
import { type Layout, layoutBelow, RELAY_USER, RENEW_TIMER, RENEW_UNIT } from './layout.ts';
import type { NginxChange } from './nginx/bypass-steps.ts';
import { type NginxFiles, nginxFileSteps, nginxReloadSteps } from './nginx/http-steps.ts';
import { listensOn, plannedDerpMap, plannedRelayConfig, type TargetInput } from './relay-description.ts';
import {
  certificateStep,
  directoryStep,
  type Opening,
  type Owner,
  PRIVATE_DIRECTORY,
  PRIVATE_FILE,
  PROGRAM_FILE,
  PUBLIC_FILE,
  publicFileStep,
  SHARED_DIRECTORY,
  type Step,
  secretFileStep,
} from './steps.ts';
import { launcher, renewTimer, renewUnit, type Templates, type UnitInput } from './systemd-units.ts';

/** The parts of the package that a server needs. */
export const INSTALLED_PARTS = ['bin', 'dist', 'templates', 'package.json', 'README.md', 'README.zh-CN.md', 'LICENSE'];

/** What an installed target needs to know beside what every target does. */
export interface InstalledInput extends TargetInput {
  version: string;
  /** Where this package is. */
  packageDirectory: string;
  templates: Templates;
  /** The Node that runs this, and whether a service could run it from where it is. */
  runtime: { path: string; version: string; reachable: boolean };
  /** The text of a new file of the prover's keys, where there is none yet. */
  newProverKeys?: string;
  /** The firewall that must be opened, if there is one and that is wanted. */
  firewall?: { tool: string };
  /** The derper whose place is taken. */
  derper?: { name: string; bringBack?: string };
  nginx?: NginxFiles;
  /** Directories of versions that are not needed any more. */
  outdated?: readonly string[];
  /** Certificates come from an authority, now or when they are renewed. */
  ordersCertificates?: boolean;
  /** The number that the relay's user must get, if it is to be made. */
  userId?: number;
  /** What is done to the nginx that shares its port, or shared it. */
  sharing?: NginxChange;
  /** What an earlier run had the relay run by, where this one has it run by something else. */
  formerly?: FormerRunner;
  /** Write files only: enable and start nothing. */
  noStart: boolean;
  /** The manifest's text for these steps, which is itself one of the files. */
  manifest(steps: readonly Step[]): string;
}

export const RELAY_OWNER: Owner = { user: RELAY_USER, group: RELAY_USER };
/** Root writes, the relay reads. */
const SHARED_OWNER: Owner = { user: 'root', group: RELAY_USER };

/** Every port that clients must reach. */
export function openingsOf({ derpPort, httpPort, stunPort }: TargetInput['relay']): Opening[] {
  const openings: Opening[] = [{ protocol: 'tcp', port: derpPort }];
  if (httpPort > 0) openings.push({ protocol: 'tcp', port: httpPort });
  if (stunPort > 0) openings.push({ protocol: 'udp', port: stunPort });
  return openings;
}

/** What the relay is told, and the map: they are true on the machine that the files end up on, wherever that is now. */
export function installedSettings(input: InstalledInput): { inside: Layout; relay: RelayConfig; derpMap: DerpMap } {
  const inside = layoutBelow('/');
  const certFile = inside.certificate(input.relay.host);
  const keyFile = inside.certificateKey(input.relay.host);
  const certificate = { ...input.certificate, certFile, keyFile };
  return { inside, relay: plannedRelayConfig({ ...input, certificate }, inside), derpMap: plannedDerpMap(input) };
}

/** The Node that runs what is installed. */
function installedNode({ runtime }: InstalledInput, inside: Layout): string {
  return runtime.reachable ? runtime.path : inside.runtime(runtime.version);
}

/** Makes the user, and installs the programs and the command. */
export function programSteps(input: InstalledInput, inside: Layout): Step[] {
  const { layout, version, packageDirectory, runtime, userId } = input;
  const steps: Step[] = [
    { kind: 'user', name: RELAY_USER, home: inside.stateDirectory, ...(userId !== undefined && { id: userId }) },
    directoryStep(layout.programsDirectory),
    { kind: 'programs', from: packageDirectory, parts: INSTALLED_PARTS, path: layout.programs(version), version },
  ];
  if (!runtime.reachable) {
    const path = layout.runtime(runtime.version);
    steps.push({ kind: 'runtime', from: runtime.path, path, version: runtime.version });
  }
  steps.push(
    { kind: 'link', path: layout.currentPrograms, target: version },
    directoryStep(join(layout.launcher, '..')),
    {
      ...publicFileStep('launcher', layout.launcher, launcher(input.templates, unitInput(input, inside))),
      mode: PROGRAM_FILE,
    },
  );
  return steps;
}

/** What units are made of. */
export function unitInput(input: InstalledInput, inside: Layout): UnitInput {
  const { derpPort, httpPort, stunPort } = listensOn(input);
  return {
    version: input.version,
    node: installedNode(input, inside),
    relayProgram: join(inside.currentPrograms, 'bin/derp-relay.cjs'),
    setupProgram: join(inside.currentPrograms, 'bin/derp-setup.cjs'),
    relayConfig: inside.relayConfig,
    user: RELAY_USER,
    ports: [derpPort, httpPort, stunPort],
    asksTailscaled: input.verify.kind === 'tailscaled',
  };
}

/** Writes what the relay is told and what it serves. */
export function dataSteps(input: InstalledInput, relay: RelayConfig, derpMap: DerpMap): Step[] {
  const { layout, certificate, newRelayKey, newProverKeys, savedAnswers, relay: description } = input;
  const steps: Step[] = [directoryStep(layout.stateDirectory, PRIVATE_DIRECTORY, RELAY_OWNER)];
  if (newRelayKey !== undefined) steps.push(secretFileStep('relay-key', layout.relayKey, newRelayKey, RELAY_OWNER));
  // Kept from an earlier installation, whose user is gone.
  else
    steps.push({ kind: 'owner', purpose: 'relay-key', path: layout.relayKey, mode: PRIVATE_FILE, owner: RELAY_OWNER });
  if (newProverKeys !== undefined) steps.push(secretFileStep('prover-keys', layout.proverKeys, newProverKeys));
  const certFile = layout.certificate(description.host);
  const keyFile = layout.certificateKey(description.host);
  steps.push(directoryStep(layout.certificateDirectory, SHARED_DIRECTORY, SHARED_OWNER));
  if (certificate.order || input.ordersCertificates) {
    steps.push(directoryStep(layout.acmeDirectory, SHARED_DIRECTORY, SHARED_OWNER));
  }
  if (certificate.create) {
    steps.push(
      secretFileStep('certificate-key', keyFile, certificate.create.keyPem, RELAY_OWNER),
      publicFileStep('certificate', certFile, certificate.create.certPem, RELAY_OWNER),
    );
  } else {
    steps.push(
      { kind: 'owner', purpose: 'certificate-key', path: keyFile, mode: PRIVATE_FILE, owner: RELAY_OWNER },
      { kind: 'owner', purpose: 'certificate', path: certFile, mode: PUBLIC_FILE, owner: RELAY_OWNER },
    );
  }
  steps.push(
    publicFileStep('relay-config', layout.relayConfig, `${JSON.stringify(relay, null, 2)}\n`),
    publicFileStep('derp-map', layout.derpMap, `${JSON.stringify(derpMap, null, 2)}\n`),
    publicFileStep('headscale-map', layout.headscaleMap, headscaleYaml(derpMap)),
    publicFileStep('config', layout.config, savedAnswers),
    ...(input.nginx ? nginxFileSteps(input.nginx) : []),
  );
  return steps;
}

/** Writes the timer that looks after the certificate, and its unit. */
export function renewalUnitSteps({ layout, templates }: InstalledInput, units: UnitInput): Step[] {
  return [
    publicFileStep('unit', layout.unit(RENEW_UNIT), renewUnit(templates, units)),
    publicFileStep('unit', layout.unit(RENEW_TIMER), renewTimer(templates, units)),
  ];
}

/** What is done to the machine before the relay starts: its ports are opened and made free, its certificate is ordered. */
export function wayMakingSteps(input: InstalledInput): Step[] {
  const { layout, relay, firewall, derper, certificate, nginx } = input;
  const steps = [...(nginx ? nginxReloadSteps(nginx) : []), ...endFormerRunner(input.formerly, layout)];
  if (firewall !== undefined) steps.push({ kind: 'firewall', tool: firewall.tool, openings: openingsOf(relay) });
  if (derper !== undefined) steps.push({ kind: 'stop-derper', ...derper });
  const [certFile, keyFile] = [layout.certificate(relay.host), layout.certificateKey(relay.host)];
  // When the way to its ports is free: the authority comes by one of them.
  if (certificate.order) steps.push(certificateStep(certFile, keyFile, certificate.order, RELAY_OWNER));
  return steps;
}

/** The relay's pair of files, if this run replaces them: a relay that runs reads them again. */
export function reloadedFiles({ layout, relay, certificate }: InstalledInput): string[] {
  const isNew = certificate.create !== undefined || certificate.order !== undefined;
  return isNew ? [layout.certificate(relay.host), layout.certificateKey(relay.host)] : [];
}

/**
 * A plan of these steps, after its record: even a run that is killed leaves one of what it was about to install. Programs
 * that are not needed any more go last, when the relay runs the new ones.
 */
export function recordedSteps(input: InstalledInput, steps: readonly Step[]): Step[] {
  const first = directoryStep(input.layout.configDirectory);
  const outdated = (input.outdated ?? []).map((path): Step => ({ kind: 'remove', what: 'tree', path }));
  const { before = [], after = [] } = input.sharing ?? {};
  const rest = [...steps, ...after, ...outdated];
  const manifest = publicFileStep('manifest', input.layout.manifest, input.manifest([...before, first, ...rest]));
  // What an earlier run did to nginx is taken back as long as the record of it is there.
  return [...before, first, manifest, ...rest];
}
