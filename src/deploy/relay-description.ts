/** What every target derives from the answers in the same way: the relay's settings, the map entry, the proof. */
import { type DerpMap, derpMapOf, type RelayDescription } from '../derp-map/region.ts';
import type { ProbeOptions } from '../probe/check.ts';
import { type AdmissionRules, defaultRelayConfig, type RelayConfig } from '../relay/config.ts';
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
  /** The keys of the clients that prove the relay: let in whoever else may use it. */
  prover?: ProverKeys;
}

/** Two key pairs of this machine's own. */
export interface ProverKeys {
  /** As `nodekey:…`. */
  publicKeys: readonly [string, string];
  privateKeys: readonly [Uint8Array, Uint8Array];
}

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

/** What the relay is told; the paths are those of `layout`. */
export function plannedRelayConfig(input: TargetInput, layout: Layout): RelayConfig {
  const { relay, certificate, home, logLevel } = input;
  return {
    ...defaultRelayConfig,
    listen: { host: null, port: relay.derpPort },
    certificate: { certFile: certificate.certFile, keyFile: certificate.keyFile },
    challengeDirectory: challengeDirectoryOf(layout),
    hostname: relay.host,
    httpPort: relay.httpPort,
    stunPort: relay.stunPort,
    keyFile: layout.relayKey,
    admission: admissionOf(input),
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
