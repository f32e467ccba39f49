/** What every target derives from the answers in the same way: the relay's settings, the map entry, the proof. */
import { isIP } from 'node:net';
import { type DerpMap, derpMapOf, type RelayDescription } from '../derp-map/region.ts';
import type { ProbeOptions } from '../probe/check.ts';
import { type AddressSource, type AdmissionRules, defaultRelayConfig, type RelayConfig } from '../relay/config.ts';
import type { Layout } from './layout.ts';
import type { CertificateOrder } from './steps.ts';
import type { Verification } from './verification.ts';

/** The certificate that the relay will serve. */
export interface PlannedCertificate {
  certFile: string;
  keyFile: string;
  /** What to write into the two files; absent when they are there and stay as they are. */
  create?: { certPem: string; keyPem: string };
  /** The pin of a self-signed certificate, by which clients know it. */
  pin?: string;
  /** For a chain that leads to no authority known to Node: what to trust in order to check it. */
  extraCa?: string;
  /** To be ordered; the two files are not there yet, or are to be replaced. */
  order?: CertificateOrder;
}

/** Everything that the plan of any target depends on. */
export interface TargetInput {
  layout: Layout;
  relay: Omit<RelayDescription, 'pin'>;
  certificate: PlannedCertificate;
  /** The text of a new relay key file, where there is none yet. */
  newRelayKey?: string;
  home: RelayConfig['home'];
  logLevel: RelayConfig['logLevel'];
  /** The text of config.json. */
  savedAnswers: string;
  verify: Verification;
  /** What stands before the relay on this machine, if anything does. */
  front?: RelayFront;
  /** Which addresses may reach the relay at all, and how fast a client may send. */
  access: Pick<RelayConfig, 'allowCidr' | 'denyCidr' | 'clientRate'>;
  /** The keys of the clients that prove the relay: let in whoever else may use it. */
  prover?: ProverKeys;
}

/**
 * What takes connections in the relay's place on this machine, such as nginx, and where the relay listens then: on the
 * loopback address. A port that is not named is the relay's own, open to all.
 */
export interface RelayFront {
  derpPort?: number;
  httpPort?: number;
  /** Connections from this address begin with a PROXY header; undefined: none do. */
  proxyFrom?: string;
  /** TLS ends in front: requests come from this address in plain HTTP, and say for whom they are. */
  forwardedFrom?: string;
}

/** Whether TLS ends before the relay. */
export function endsTls(front: RelayFront | undefined): boolean {
  return front?.forwardedFrom !== undefined;
}

/** Where the relay listens itself: not where clients come to, when something stands before it. */
export function listensOn({ relay, front = {} }: Pick<TargetInput, 'relay' | 'front'>): {
  derpPort: number;
  httpPort: number;
  stunPort: number;
} {
  const { derpPort, httpPort, stunPort } = relay;
  return { derpPort: front.derpPort ?? derpPort, httpPort: front.httpPort ?? httpPort, stunPort };
}

/** Two key pairs of this machine's own. */
export interface ProverKeys {
  /** As `nodekey:…`. */
  publicKeys: readonly [string, string];
  privateKeys: readonly [Uint8Array, Uint8Array];
}

/** Where the relay listens when something stands before it. */
const LOOPBACK = '127.0.0.1';

/** Where tailscaled listens; a link to /run. */
const TAILSCALED_SOCKET = '/var/run/tailscale/tailscaled.sock';

/** Who may use the relay, as the relay is told. */
function admissionOf({ verify, prover }: TargetInput): AdmissionRules | null {
  const proverKeys = prover === undefined ? {} : { proverKeys: [...prover.publicKeys] };
  switch (verify.kind) {
    case 'none':
      return null;
    case 'tailscaled':
      return { tailscaled: { socket: verify.socket ?? TAILSCALED_SOCKET }, ...proverKeys };
    case 'url':
      return { url: { url: verify.url, failOpen: false }, ...proverKeys };
    case 'keys':
      return { keyFile: verify.file, ...proverKeys };
  }
}

/** The derpMap with this relay in it. */
export function plannedDerpMap({ relay, certificate }: TargetInput): DerpMap {
  return derpMapOf({ ...relay, pin: certificate.pin });
}

/** Where the answers to a certificate authority's challenges are put, for the relay to give. */
export function challengeDirectoryOf(layout: Layout): string {
  return layout.acmeDirectory;
}

/**
 * Who may reach the relay, and with them always the addresses by which clients are told to dial it. The relay lets in
 * whatever comes from this machine, but a provider that translates addresses sends what this machine says to its own
 * public address back to it from there, which is no address that the relay knows: the proof of the relay must get in.
 */
function withOwnAddresses({ access: { allowCidr }, relay }: TargetInput): AddressSource | null {
  if (allowCidr === null) return null;
  const own = [relay.host, relay.ipv4, relay.ipv6].filter((text): text is string => isIP(text ?? '') > 0);
  return { ...allowCidr, ranges: [...new Set([...allowCidr.ranges, ...own])] };
}

/** What the relay is told; the paths are those of `layout`. */
export function plannedRelayConfig(input: TargetInput, layout: Layout): RelayConfig {
  const { relay, certificate, home, logLevel, front } = input;
  const { derpPort, httpPort, stunPort } = listensOn(input);
  const isBehind = front?.derpPort !== undefined;
  const httpHost = front?.httpPort === undefined ? null : LOOPBACK;
  return {
    ...defaultRelayConfig,
    listen: { host: isBehind ? LOOPBACK : null, port: derpPort },
    certificate: endsTls(front) ? null : { certFile: certificate.certFile, keyFile: certificate.keyFile },
    challengeDirectory: challengeDirectoryOf(layout),
    hostname: relay.host,
    httpPort,
    stunPort,
    ...(httpHost !== (isBehind ? LOOPBACK : null) && { httpHost }),
    ...(isBehind && { stunHost: null }),
    ...(front?.proxyFrom !== undefined && { proxyProtocolFrom: [front.proxyFrom] }),
    ...(front?.forwardedFrom !== undefined && { forwardedFrom: [front.forwardedFrom] }),
    keyFile: layout.relayKey,
    admission: admissionOf(input),
    ...input.access,
    allowCidr: withOwnAddresses(input),
    home,
    logLevel,
  };
}

/** How to prove that the relay works. */
export function plannedProbe({ relay, certificate, prover }: TargetInput): ProbeOptions {
  const { host, derpPort, stunPort, httpPort } = relay;
  // Where clients connect when the derpMap names addresses; otherwise they ask DNS for the host.
  const addresses = [relay.ipv4, relay.ipv6].filter((address) => address !== undefined && address !== 'none');
  return {
    host,
    derpPort,
    stunPort,
    httpPort,
    ...(addresses.length > 0 && { addresses: addresses as string[] }),
    ...(certificate.pin !== undefined && { pin: certificate.pin }),
    ...(certificate.extraCa !== undefined && { extraCa: certificate.extraCa }),
    ...(prover && { clientKeys: prover.privateKeys }),
  };
}
