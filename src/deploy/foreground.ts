/** The foreground target: no root, no service manager; the relay runs inside derp-setup until it is interrupted. */
import { headscaleYaml } from '../derp-map/headscale.ts';
import type { DerpMap } from '../derp-map/region.ts';
import type { Plan } from './plan.ts';
import { plannedDerpMap, plannedProbe, plannedRelayConfig, type TargetInput } from './relay-description.ts';
import {
  certificateStep,
  directoryStep,
  PRIVATE_DIRECTORY,
  publicFileStep,
  type Step,
  secretFileStep,
} from './steps.ts';

/** The plan for these answers. Pure: nothing on the machine is looked at or touched. */
export function foregroundPlan(input: TargetInput): Plan {
  const derpMap = plannedDerpMap(input);
  const relay = plannedRelayConfig(input, input.layout);
  return { steps: fileSteps(input, derpMap), relay, probe: plannedProbe(input), derpMap };
}

function fileSteps({ layout, certificate, newRelayKey, savedAnswers }: TargetInput, derpMap: DerpMap): Step[] {
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
  if (certificate.order) {
    steps.push(directoryStep(layout.certificateDirectory), directoryStep(layout.acmeDirectory, PRIVATE_DIRECTORY));
    steps.push(certificateStep(certificate.certFile, certificate.keyFile, certificate.order));
  }
  steps.push(
    publicFileStep('derp-map', layout.derpMap, `${JSON.stringify(derpMap, null, 2)}\n`),
    publicFileStep('headscale-map', layout.headscaleMap, headscaleYaml(derpMap)),
    publicFileStep('config', layout.config, savedAnswers),
  );
  return steps;
}
