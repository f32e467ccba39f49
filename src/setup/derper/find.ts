/** Finds derpers on this machine: those that run, and those that a service manager or container engine would start. */
import { hostname } from 'node:os';
import { type DerperProcess, derperProcesses, ownCgroup } from '../../system/derper-process.ts';
import { readTextIfPresent } from '../../system/files.ts';
import { isSystemdMachine, serviceFiles, type UnitFile } from '../../system/unit-files.ts';
import { type CgroupOwner, readCgroup } from './cgroup.ts';
import { findDerperCommand } from './command.ts';
import { inspectContainer, installedEngines, type KnownEngine, stoppedContainers } from './container-engine.ts';
import type { ContainerFacts } from './container-facts.ts';
import { containerUnits } from './container-unit.ts';
import type { DerperContainer, DerperUnit, ExistingDerper, Launch } from './existing.ts';
import { commandLineOfImage, relevantEnvironment } from './image-environment.ts';
import { launchOfService, readEnvironmentFiles, runsDerper } from './service-launch.ts';
import { startsAtBoot, type UnitStatus, unitStatus } from './unit-status.ts';

/** How a running derper was started. */
function launchOfProcess({ commandLine, workingDirectory, environment, uid }: DerperProcess): Launch {
  return {
    // Behind a shell or a loader, the first word may be another program's name.
    commandLine,
    workingDirectory,
    environment: relevantEnvironment(environment),
    runsAsRoot: uid === 0,
  };
}

/** How a stopped container would start derper: by its command, or by the variables of its image. */
function launchOfContainer(facts: ContainerFacts): Launch | undefined {
  const { command, environment, workingDirectory, runsAsRoot } = facts;
  const commandLine = findDerperCommand(command, environment) ?? commandLineOfImage(environment);
  if (commandLine === undefined) return undefined;
  const home = runsAsRoot ? { HOME: '/root' } : {};
  return { commandLine, workingDirectory, environment: relevantEnvironment({ ...home, ...environment }), runsAsRoot };
}

/** The unit that runs this container, as far as it is active. */
async function activeUnitOf(facts: ContainerFacts, units: readonly UnitFile[]): Promise<string | undefined> {
  for (const unit of containerUnits(units, facts)) {
    const status = await unitStatus(unit);
    if (status?.active) return status.unit;
  }
  return undefined;
}

async function runningContainer(
  process: DerperProcess,
  { engine, id }: NonNullable<CgroupOwner['container']>,
  units: readonly UnitFile[],
): Promise<DerperContainer> {
  const facts = engine === 'other' ? undefined : await inspectContainer(engine, id);
  const launch = launchOfProcess(process);
  return {
    kind: 'container',
    engine,
    id,
    name: facts?.name || id.slice(0, 12),
    image: facts?.image ?? '',
    running: true,
    unit: facts && (await activeUnitOf(facts, units)),
    facts,
    ...launch,
    // Root of the container may be another user of the host.
    runsAsRoot: facts?.runsAsRoot ?? launch.runsAsRoot,
  };
}

/** Whether the unit is there for derper; a process may also live in cron's unit, which must not be touched. */
function isForDerper(status: UnitStatus, process: DerperProcess, file: UnitFile | undefined): boolean {
  return status.mainPid === process.pid || /derp/i.test(status.unit) || (file !== undefined && runsDerper(file));
}

async function describeRunning(process: DerperProcess, units: readonly UnitFile[]): Promise<ExistingDerper> {
  const owner = readCgroup(process.cgroup);
  // In the container that this program runs in itself, derper is a process like any other.
  const own = readCgroup(await ownCgroup()).container;
  if (owner.container && owner.container.id !== own?.id) return runningContainer(process, owner.container, units);
  const launch = launchOfProcess(process);
  const status = owner.unit === undefined ? undefined : await unitStatus(owner.unit);
  const file = units.find(({ name }) => name === owner.unit);
  if (status && isForDerper(status, process, file)) {
    return { kind: 'unit', unit: status.unit, running: true, enabled: startsAtBoot(status), ...launch };
  }
  return { kind: 'process', pid: process.pid, ...launch };
}

async function stoppedUnit(file: UnitFile): Promise<DerperUnit | undefined> {
  if (!runsDerper(file)) return undefined;
  const machineName = hostname();
  const context = {
    machineName,
    passwd: (await readTextIfPresent('/etc/passwd')) ?? '',
    environmentFiles: await readEnvironmentFiles(file, machineName),
  };
  const launch = launchOfService(file, context);
  const status = await unitStatus(file.name);
  // An alias is another name of a unit that is among the files too.
  if (launch === undefined || status === undefined || status.fileState === 'alias') return undefined;
  // One that systemd is just starting again counts as running: it would come back.
  return { kind: 'unit', unit: status.unit, running: status.active, enabled: startsAtBoot(status), ...launch };
}

/** Whether an engine may be asked: to ask a Docker that is switched off would start it, and all that it restarts. */
async function isAwake(engine: KnownEngine): Promise<boolean> {
  if (engine !== 'docker' || !(await isSystemdMachine())) return true;
  return (await unitStatus('docker.service'))?.active ?? true;
}

async function stoppedContainerList(units: readonly UnitFile[]): Promise<DerperContainer[]> {
  const found: DerperContainer[] = [];
  for (const engine of await installedEngines()) {
    if (!(await isAwake(engine))) continue;
    for (const id of await stoppedContainers(engine)) {
      const facts = await inspectContainer(engine, id);
      const launch = facts && launchOfContainer(facts);
      if (!facts || !launch) continue;
      const { name, image, running } = facts;
      const unit = await activeUnitOf(facts, units);
      found.push({ kind: 'container', engine, id: facts.id, name, image, running, unit, facts, ...launch });
    }
  }
  return found;
}

/** What tells one installation from another. */
function identity(derper: ExistingDerper): string {
  if (derper.kind === 'process') return `process ${derper.pid}`;
  return derper.kind === 'unit' ? `unit ${derper.unit}` : `container ${derper.id}`;
}

/** The most likely one to be meant comes first: what runs and can be taken over, then what could be started again. */
function rank(derper: ExistingDerper): number {
  if (derper.kind === 'process') return 2;
  if (derper.running) return derper.kind === 'unit' ? 0 : 1;
  if (derper.kind === 'unit') return derper.enabled ? 3 : 4;
  return 5;
}

/** Every derper of this machine, the likeliest first. Without root, other users' processes tell less of themselves. */
export async function findDerpers(): Promise<ExistingDerper[]> {
  const units = (await isSystemdMachine()) ? await serviceFiles() : [];
  const found = new Map<string, ExistingDerper>();
  const add = (derper: ExistingDerper) => {
    // A container may run several processes of derper; the first is as good as any.
    if (!found.has(identity(derper))) found.set(identity(derper), derper);
  };
  for (const process of await derperProcesses()) add(await describeRunning(process, units));
  for (const file of units) {
    const derper = await stoppedUnit(file);
    if (derper) add(derper);
  }
  for (const derper of await stoppedContainerList(units)) add(derper);
  return [...found.values()].sort((a, b) => rank(a) - rank(b));
}

/** The derper to take over; undefined where there is none. */
export async function findDerper(): Promise<ExistingDerper | undefined> {
  return (await findDerpers())[0];
}
