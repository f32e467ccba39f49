/** The systemd target: a system user, installed programs, a hardened service that starts at boot, a renewal timer. */
import {
  dataSteps,
  type InstalledInput,
  installedSettings,
  programSteps,
  recordedSteps,
  reloadedFiles,
  renewalUnitSteps,
  unitInput,
  wayMakingSteps,
} from './installed-files.ts';
import { type Layout, RELAY_UNIT, RENEW_TIMER } from './layout.ts';
import type { Plan } from './plan.ts';
import { endsTls, listensOn, plannedProbe } from './relay-description.ts';
import { directoryStep, publicFileStep, type Step } from './steps.ts';
import { relayUnit } from './systemd-units.ts';

/** The plan for these answers. Pure: nothing on the machine is looked at or touched. */
export function systemdPlan(input: InstalledInput): Plan {
  const { inside, relay, derpMap } = installedSettings(input);
  const files = [...programSteps(input, inside), ...dataSteps(input, relay, derpMap), ...unitSteps(input, inside)];
  const machine = input.noStart ? [] : machineSteps(input);
  return { steps: recordedSteps(input, [...files, ...machine]), relay, probe: plannedProbe(input), derpMap };
}

function unitSteps(input: InstalledInput, inside: Layout): Step[] {
  const { layout, templates } = input;
  const units = unitInput(input, inside);
  return [
    directoryStep(layout.unitDirectory),
    publicFileStep('unit', layout.unit(RELAY_UNIT), relayUnit(templates, units)),
    ...renewalUnitSteps(input, units),
  ];
}

/** What is done to the machine beside writing files. */
function machineSteps(input: InstalledInput): Step[] {
  const { layout, relay, version } = input;
  return [
    ...wayMakingSteps(input),
    { kind: 'enable', unit: RELAY_UNIT },
    { kind: 'enable', unit: RENEW_TIMER },
    {
      kind: 'service',
      unit: RELAY_UNIT,
      restartFor: [
        layout.programs(version),
        layout.currentPrograms,
        layout.relayConfig,
        layout.unit(RELAY_UNIT),
        layout.relayKey,
      ],
      // A relay behind the end of TLS has no certificate.
      ...(endsTls(input.front)
        ? { reloadFor: [], plain: true }
        : {
            reloadFor: reloadedFiles(input),
            certificate: { file: layout.certificate(relay.host), host: relay.host },
          }),
      derpPort: listensOn(input).derpPort,
    },
  ];
}
