/** Where everything lives, below a root directory. These paths are promised to users and to other programs. */
import { join } from 'node:path';

/** The paths of an installation. */
export interface Layout {
  root: string;
  configDirectory: string;
  /** The answers of the last run, without secrets. */
  config: string;
  /** What the installed relay is told. */
  relayConfig: string;
  /** What was installed, so that exactly that can be removed. */
  manifest: string;
  /** The keys of the clients that prove the relay. */
  proverKeys: string;
  certificateDirectory: string;
  certificate(host: string): string;
  certificateKey(host: string): string;
  derpMap: string;
  headscaleMap: string;
  stateDirectory: string;
  /** Copies of nginx's files that were edited, as they were: they may hold secrets of others. */
  nginxBackups: string;
  /** The relay's own key, in derper's JSON form. */
  relayKey: string;
  /** Accounts at certificate authorities, and the answers to their challenges: root's, for the relay to read in part. */
  acmeDirectory: string;
  /** The installed programs, a directory for each version, and `current`, which is a link to one of them. */
  programsDirectory: string;
  programs(version: string): string;
  currentPrograms: string;
  /** A copy of the Node of that version. */
  runtime(nodeVersion: string): string;
  launcher: string;
  /** The project of Docker Compose: its description, what that is filled with, and what people add to it. */
  composeDirectory: string;
  composeFile: string;
  composeEnvironment: string;
  unitDirectory: string;
  /** A drop-in for the unit of tailscaled, which keeps its directory for the relay's container. */
  tailscaledDropIn: string;
  unit(name: string): string;
}

/** The units that are installed. */
export const RELAY_UNIT = 'derp-relay.service';
export const RENEW_UNIT = 'derp-setup-renew.service';
export const RENEW_TIMER = 'derp-setup-renew.timer';

/** The container that runs the relay, which is a service of this name too, and the project of Docker Compose that it is in. */
export const RELAY_CONTAINER = 'derp-relay';
export const COMPOSE_PROJECT = 'derp-setup';

/** The system user that the relay runs as, and its group. */
export const RELAY_USER = 'derp-relay';

/** A host as derper spells it in file names: whatever is not a letter, digit, hyphen or dot is left out. */
export function certificateBaseName(host: string): string {
  return host.replace(/[^a-zA-Z0-9.-]/g, '');
}

/** The layout below `root`; `/` is the machine itself. */
export function layoutBelow(root: string): Layout {
  const configDirectory = join(root, 'etc/derp-setup');
  const certificateDirectory = join(configDirectory, 'certs');
  const stateDirectory = join(root, 'var/lib/derp-setup');
  const programsDirectory = join(root, 'usr/local/lib/derp-setup');
  const composeDirectory = join(configDirectory, 'compose');
  const unitDirectory = join(root, 'etc/systemd/system');
  return {
    root,
    configDirectory,
    config: join(configDirectory, 'config.json'),
    relayConfig: join(configDirectory, 'relay.json'),
    manifest: join(configDirectory, 'installation.json'),
    proverKeys: join(configDirectory, 'prover.json'),
    certificateDirectory,
    certificate: (host) => join(certificateDirectory, `${certificateBaseName(host)}.crt`),
    certificateKey: (host) => join(certificateDirectory, `${certificateBaseName(host)}.key`),
    derpMap: join(configDirectory, 'derp-map.json'),
    headscaleMap: join(configDirectory, 'headscale-derp.yaml'),
    stateDirectory,
    nginxBackups: join(configDirectory, 'nginx-backup'),
    relayKey: join(stateDirectory, 'derper.key'),
    acmeDirectory: join(stateDirectory, 'acme'),
    programsDirectory,
    programs: (version) => join(programsDirectory, version),
    currentPrograms: join(programsDirectory, 'current'),
    runtime: (nodeVersion) => join(programsDirectory, 'node', nodeVersion, 'node'),
    launcher: join(root, 'usr/local/bin/derp-setup'),
    composeDirectory,
    composeFile: join(composeDirectory, 'compose.yaml'),
    composeEnvironment: join(composeDirectory, '.env'),
    unitDirectory,
    tailscaledDropIn: join(unitDirectory, 'tailscaled.service.d/derp-setup.conf'),
    unit: (name) => join(unitDirectory, name),
  };
}
