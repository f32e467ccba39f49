/**
 * The compose target: what systemd's has, in a container of Docker Compose instead of a unit. Programs, settings, keys
 * and certificates are where systemd's are, and are mounted at the same paths, so that everything else works on them
 * alike; the renewal runs on the machine itself, by its timer.
 */
import { dirname } from 'node:path';
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
} from '../installed-files.ts';
import { RENEW_TIMER } from '../layout.ts';
import type { Plan } from '../plan.ts';
import { plannedProbe } from '../relay-description.ts';
import { composeProject, directoryStep, publicFileStep, type Step } from '../steps.ts';
import { composeEnvironment, composeFile, tailscaledDropIn } from './files.ts';
import { mountsOf } from './mounts.ts';

/** What this target needs to know beside what every installed target does. */
export interface ComposeInput extends InstalledInput {
  image: string;
  /** The relay's user and group, made already or not. */
  user: { uid: number; gid: number };
  /** How Compose is called; undefined where nothing is started. */
  compose: readonly string[] | undefined;
  /** A timer of systemd renews the certificate. */
  hasSystemd: boolean;
}

/** The plan for these answers. Pure: nothing on the machine is looked at or touched. */
export function composePlan(input: ComposeInput): Plan {
  const { inside, relay, derpMap } = installedSettings(input);
  const { layout, templates, image, user, hasSystemd, noStart, compose } = input;
  const units = unitInput(input, inside);
  const files = {
    ...units,
    image,
    user,
    mounts: mountsOf(relay, inside),
    derpPort: relay.listen.port,
  };
  const starts = !noStart && compose !== undefined;
  const steps: Step[] = [
    // First: without it there is nothing to run, and nothing was written yet.
    ...(starts ? [{ kind: 'image', image } as const] : []),
    ...programSteps(input, inside),
    ...dataSteps(input, relay, derpMap),
    directoryStep(layout.composeDirectory),
    publicFileStep('compose', layout.composeFile, composeFile(templates, files)),
    publicFileStep('compose', layout.composeEnvironment, composeEnvironment(templates, files)),
    ...(hasSystemd ? [directoryStep(layout.unitDirectory), ...renewalUnitSteps(input, units)] : []),
    ...(hasSystemd ? tailscaledSteps(input) : []),
    ...(starts ? machineSteps(input, compose) : []),
  ];
  return { steps: recordedSteps(input, steps), relay, probe: plannedProbe(input), derpMap };
}

/** Has the unit of tailscaled keep its directory; a socket elsewhere is none of that unit's. */
function tailscaledSteps({ layout, templates, version, verify }: ComposeInput): Step[] {
  if (verify.kind !== 'tailscaled' || verify.socket !== undefined) return [];
  const { tailscaledDropIn: path } = layout;
  return [directoryStep(dirname(path)), publicFileStep('unit', path, tailscaledDropIn(templates, version))];
}

/** What is done to the machine beside writing files. */
function machineSteps(input: ComposeInput, command: readonly string[]): Step[] {
  const { layout, relay, version, hasSystemd } = input;
  return [
    ...wayMakingSteps(input),
    ...(hasSystemd ? ([{ kind: 'reload-units' }, { kind: 'enable', unit: RENEW_TIMER }] as const) : []),
    {
      kind: 'compose',
      project: composeProject(layout.composeDirectory),
      command,
      restartFor: [
        layout.programs(version),
        layout.currentPrograms,
        layout.relayConfig,
        layout.composeFile,
        layout.composeEnvironment,
        layout.relayKey,
      ],
      reloadFor: reloadedFiles(input),
      certificate: { file: layout.certificate(relay.host), host: relay.host },
      derpPort: relay.derpPort,
    },
  ];
}
