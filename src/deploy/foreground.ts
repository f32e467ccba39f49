/** The foreground target: no root, no service manager; the relay runs inside derp-setup until it is interrupted. */
import { headscaleYaml } from '../derp-map/headscale.ts';
import { type DerpMap, derpMapOf, type RelayDescription } from '../derp-map/region.ts';
import type { ProbeOptions } from '../probe/check.ts';
import { defaultRelayConfig, type RelayConfig } from '../relay/config.ts';
import type { Layout } from './layout.ts';
import { directoryStep, PRIVATE_DIRECTORY, publicFileStep, type Step, secretFileStep } from './steps.ts';

/** The certificate that the relay will serve. */
export interface PlannedCertificate {
  certFile: string;
  keyFile: string;
  /** For a new one, what to write into the two files. */
  create?: { certPem: string; keyPem: string };
  /** The pin of a self-signed certificate, by which clients know it. */
  pin?: string;
  /** For a chain that leads to no authority known to Node: what to trust in order to check it. */
  extraCa?: string;
}

/** Everything that the plan depends on. */
export interface ForegroundInput {
  layout: Layout;
  relay: Omit<RelayDescription, 'pin'>;
  certificate: PlannedCertificate;
  /** The text of a new relay key file, where there is none yet. */
  newRelayKey?: string;
  home: RelayConfig['home'];
  logLevel: RelayConfig['logLevel'];
  /** The text of config.json. */
  savedAnswers: string;
}

/** What will be done: files first, then the relay is started, then it is probed as a client would. */
export interface ForegroundPlan {
  steps: Step[];
  relay: RelayConfig;
  probe: ProbeOptions;
  derpMap: DerpMap;
}

/** The plan for these answers. Pure: nothing on the machine is looked at or touched. */
export function foregroundPlan(input: ForegroundInput): ForegroundPlan {
  const { certificate, layout } = input;
  const derpMap = derpMapOf({ ...input.relay, pin: certificate.pin });
  return { steps: fileSteps(input, derpMap), relay: relayConfig(input, layout), probe: probeOptions(input), derpMap };
}

function fileSteps({ layout, certificate, newRelayKey, savedAnswers }: ForegroundInput, derpMap: DerpMap): Step[] {
  const steps: Step[] = [
    directoryStep(layout.configDirectory),
    directoryStep(layout.stateDirectory, PRIVATE_DIRECTORY),
  ];
  if (newRelayKey !== undefined) steps.push(secretFileStep('relay-key', layout.relayKey, newRelayKey));
  if (certificate.create) {
    steps.push(
      directoryStep(layout.certificateDirectory),
      secretFileStep('certificate-key', certificate.keyFile, certificate.create.keyPem),
      publicFileStep('certificate', certificate.certFile, certificate.create.certPem),
    );
  }
  steps.push(
    publicFileStep('derp-map', layout.derpMap, `${JSON.stringify(derpMap, null, 2)}\n`),
    publicFileStep('headscale-map', layout.headscaleMap, headscaleYaml(derpMap)),
    publicFileStep('config', layout.config, savedAnswers),
  );
  return steps;
}

function relayConfig({ relay, certificate, home, logLevel }: ForegroundInput, layout: Layout): RelayConfig {
  return {
    ...defaultRelayConfig,
    listen: { host: null, port: relay.derpPort },
    certificate: { certFile: certificate.certFile, keyFile: certificate.keyFile },
    hostname: relay.host,
    httpPort: relay.httpPort,
    stunPort: relay.stunPort,
    keyFile: layout.relayKey,
    home,
    logLevel,
  };
}

function probeOptions({ relay, certificate }: ForegroundInput): ProbeOptions {
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
  };
}
