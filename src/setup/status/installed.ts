/** What the files of an installation say, each of them by itself: one that cannot be read must not hide the others. */
import { isIPv4, isIPv6 } from 'node:net';
import type { Layout } from '../../deploy/layout.ts';
import type { Manifest } from '../../deploy/manifest.ts';
import { type DeployTarget, isInstalledTarget } from '../../deploy/target.ts';
import type { DerpMap, DerpNode, DerpRegion } from '../../derp-map/region.ts';
import type { AddressSource, AdmissionRules, RelayConfig } from '../../relay/config.ts';
import { FileError, kindOf, readLink, readTextIfPresent } from '../../system/files.ts';
import { fileRule, readSavedAnswers } from '../answers/documents.ts';
import type { Problem, Rule } from '../answers/problems.ts';
import { type Resolution, resolveAnswers } from '../answers/resolve.ts';
import { readInstallation } from '../installation.ts';

/** A file's meaning, that there is no such file, that it holds something else, or why it cannot be used. */
export type Reading<T> =
  | { state: 'read'; path: string; value: T }
  | { state: 'missing'; path: string }
  | { state: 'damaged'; path: string }
  | { state: 'bad'; path: string; problem: Problem };

/** What an installed relay is told, as far as it matters outside of it. */
export type RelaySettings = Pick<RelayConfig, 'hostname' | 'httpPort' | 'stunPort' | 'home' | 'keyFile'> & {
  derpPort: number;
  /** Whether clients come to these ports by way of something else on this machine. */
  behind: { derp: boolean; http: boolean };
  certificate: RelayConfig['certificate'];
  admission: AdmissionRules | null;
  /** Lists of addresses; null also in the file of an older version. */
  allowCidr: AddressSource | null;
  denyCidr: AddressSource | null;
  /** From whom a PROXY header is read: addresses and ranges. */
  proxyProtocolFrom: string[];
};

/** An installation, as its files describe it. */
export interface Installed {
  layout: Layout;
  target: DeployTarget;
  /** It runs, or should run, on this machine; false for files that were prepared for another one. */
  onMachine: boolean;
  answers: Reading<Pick<Resolution, 'given' | 'problems'>>;
  relay: Reading<RelaySettings>;
  derpMap: Reading<DerpMap>;
  manifest: Reading<Manifest>;
  /** The version of the installed programs. */
  version: string | undefined;
}

/** The value of a file that could be used. */
export function readValue<T>(reading: Reading<T>): T | undefined {
  return reading.state === 'read' ? reading.value : undefined;
}

async function readJson<T>(path: string, read: (json: unknown) => T | undefined): Promise<Reading<T>> {
  const bad = (rule: Rule): Reading<T> => ({ state: 'bad', path, problem: { subject: path, rule } });
  let text: string | undefined;
  try {
    text = await readTextIfPresent(path);
  } catch (error) {
    if (error instanceof FileError) return bad(fileRule(error));
    throw error;
  }
  if (text === undefined) return { state: 'missing', path };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return bad({ code: 'not-json' });
  }
  const value = read(json);
  return value === undefined ? { state: 'damaged', path } : { state: 'read', path, value };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isPort = (value: unknown): value is number => Number.isInteger(value) && (value as number) <= 65_535;

const texts = (list: unknown) => (Array.isArray(list) ? list.filter((one) => typeof one === 'string') : []);

function readAddressSource(json: unknown): AddressSource | null {
  if (!isObject(json)) return null;
  return { ranges: texts(json.ranges), files: texts(json.files) };
}

/** The settings in the text of relay.json, parsed; undefined when it is no such file. */
export function readRelaySettings(json: unknown): RelaySettings | undefined {
  if (!isObject(json) || !isObject(json.listen)) return undefined;
  const { hostname, httpPort, stunPort, keyFile, certificate = null, admission = null, home = 'default' } = json;
  const { port, host: listensOnHost = null } = json.listen;
  const { httpHost = listensOnHost } = json;
  const whole =
    typeof hostname === 'string' &&
    typeof keyFile === 'string' &&
    [port, httpPort, stunPort].every(isPort) &&
    (certificate === null || (isObject(certificate) && typeof certificate.certFile === 'string')) &&
    (admission === null || isObject(admission));
  if (!whole) return undefined;
  return {
    hostname,
    keyFile,
    derpPort: port as number,
    httpPort: httpPort as number,
    behind: { derp: listensOnHost === LOOPBACK, http: httpHost === LOOPBACK },
    stunPort: stunPort as number,
    home: home as RelayConfig['home'],
    certificate: certificate as RelayConfig['certificate'],
    admission: admission as AdmissionRules | null,
    allowCidr: readAddressSource(json.allowCidr),
    denyCidr: readAddressSource(json.denyCidr),
    proxyProtocolFrom: texts(json.proxyProtocolFrom),
  };
}

/** The map in the text of derp-map.json, parsed; undefined when it is none with a relay in it. */
export function readDerpMap(json: unknown): DerpMap | undefined {
  if (!isObject(json) || !isObject(json.Regions)) return undefined;
  const regions = Object.values(json.Regions);
  const whole = regions.every(
    (region) =>
      isObject(region) &&
      typeof region.RegionID === 'number' &&
      Array.isArray(region.Nodes) &&
      region.Nodes.every((node) => isObject(node) && typeof node.HostName === 'string'),
  );
  return regions.length > 0 && whole ? (json as unknown as DerpMap) : undefined;
}

/** The region and the node of a map that a relay of ours has written: the first of each. */
export function mapEntry(map: DerpMap): { region: DerpRegion; node: DerpNode } | undefined {
  const region = Object.values(map.Regions)[0];
  const node = region?.Nodes[0];
  return region === undefined || node === undefined ? undefined : { region, node };
}

async function readAnswers(path: string): Promise<Installed['answers']> {
  const { document, problems } = await readSavedAnswers(path);
  const [problem] = problems;
  if (problem !== undefined) return { state: 'bad', path, problem };
  if (document === undefined) return { state: 'missing', path };
  const { given, problems: remarks } = resolveAnswers({ flags: {}, environment: {}, saved: document });
  return { state: 'read', path, value: { given, problems: remarks } };
}

async function readManifest(layout: Layout): Promise<Installed['manifest']> {
  const path = layout.manifest;
  const { manifest, problems } = await readInstallation(layout);
  const [problem] = problems;
  if (problem !== undefined) return { state: 'bad', path, problem };
  return manifest === undefined ? { state: 'missing', path } : { state: 'read', path, value: manifest };
}

/** Something that may not even be looked at is there too; reading it then says why not. */
async function isThere(path: string): Promise<boolean> {
  return (await kindOf(path).catch(() => 'file')) !== 'missing';
}

/** Whether there is an installation below a layout's root. */
export async function isInstalled({ manifest, relayConfig, config }: Layout): Promise<boolean> {
  const found = await Promise.all([manifest, relayConfig, config].map(isThere));
  return found.includes(true);
}

/** Reads all files that describe an installation. */
export async function readInstalled(layout: Layout): Promise<Installed> {
  const [answers, relay, derpMap, manifest, link] = await Promise.all([
    readAnswers(layout.config),
    readJson(layout.relayConfig, readRelaySettings),
    readJson(layout.derpMap, readDerpMap),
    readManifest(layout),
    readLink(layout.currentPrograms).catch(() => undefined),
  ]);
  // Only a relay in the foreground is told everything by the program that runs it, and leaves no such files.
  const inForeground = layout.root !== '/' && relay.state === 'missing' && manifest.state === 'missing';
  const answered = answers.state === 'read' ? answers.value.given.deploy?.value : undefined;
  const installedAs = answered !== undefined && isInstalledTarget(answered) ? answered : 'systemd';
  const target = inForeground ? 'foreground' : installedAs;
  return {
    layout,
    target,
    onMachine: !isInstalledTarget(target) || layout.root === '/',
    answers,
    relay,
    derpMap,
    manifest,
    version: link ?? readValue(manifest)?.version,
  };
}

/** Where clients find the relay. */
export interface Whereabouts {
  host: string;
  /** -1: off, or nobody knows. */
  ports: { derp: number; http: number; stun: number };
  /** Where the relay itself listens on this machine: elsewhere, when something stands before it. */
  listens: { derp: number; http: number; tls: boolean };
  /** `sha256-raw:…`, where the map names one. */
  pin: string | undefined;
  /** Where clients connect instead of asking DNS. */
  addresses: string[];
}

/** The port of this machine at which TLS ends: the relay's own, or that of what ends it before the relay. */
export function tlsPort({ listens, ports }: Pick<Whereabouts, 'listens' | 'ports'>): number {
  return listens.tls ? listens.derp : ports.derp;
}

/** Where a relay listens that something else stands before. */
const LOOPBACK = '127.0.0.1';

/** The plain HTTP port that a map entry speaks of. */
const portOfMap = (node: DerpNode | undefined) => (node?.CanPort80 ? USUAL_PORTS.http : -1);

const USUAL_PORTS = { derp: 443, http: 80, stun: 3478 };

/** Host and ports, by what the relay is told, or by the map that clients were given; undefined when neither says. */
export function whereabouts(installed: Pick<Installed, 'relay' | 'derpMap'>): Whereabouts | undefined {
  const map = readValue(installed.derpMap);
  const node = map && mapEntry(map)?.node;
  const pin = node?.CertName?.startsWith('sha256-raw:') ? node.CertName : undefined;
  const addresses = [node?.IPv4, node?.IPv6].filter(
    (address) => address !== undefined && (isIPv4(address) || isIPv6(address)),
  ) as string[];
  const relay = readValue(installed.relay);
  if (relay !== undefined) {
    const { hostname: host, derpPort, httpPort, stunPort: stun, behind } = relay;
    const listens = { derp: derpPort, http: httpPort, tls: relay.certificate !== null };
    const derp = behind.derp ? (node?.DERPPort ?? USUAL_PORTS.derp) : derpPort;
    const http = behind.http ? portOfMap(node) : httpPort;
    return { host, ports: { derp, http, stun }, listens, pin, addresses };
  }
  if (node === undefined) return undefined;
  const { DERPPort: derp = USUAL_PORTS.derp, STUNPort: stun = USUAL_PORTS.stun } = node;
  const http = portOfMap(node);
  return { host: node.HostName, ports: { derp, http, stun }, listens: { derp, http, tls: true }, pin, addresses };
}
