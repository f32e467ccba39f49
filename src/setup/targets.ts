/** What each deployment target asks of the machine, makes of ports, and plans. */

import { basename, dirname } from 'node:path';
import { foregroundPlan } from '../deploy/foreground.ts';
import type { InstalledInput } from '../deploy/installed-files.ts';
import { type Layout, layoutBelow, RELAY_USER } from '../deploy/layout.ts';
import { formatManifest, type Manifest, manifestOf } from '../deploy/manifest.ts';
import type { NginxChange } from '../deploy/nginx/bypass-steps.ts';
import type { NginxFiles } from '../deploy/nginx/http-steps.ts';
import { NGINX_FILE } from '../deploy/nginx/own-servers.ts';
import type { Plan } from '../deploy/plan.ts';
import type { TargetInput } from '../deploy/relay-description.ts';
import { systemdPlan } from '../deploy/systemd.ts';
import type { Templates } from '../deploy/systemd-units.ts';
import { isInstalledTarget, runsAsUnit } from '../deploy/target.ts';
import { kindOf } from '../system/files.ts';
import { packageDirectory, readTemplates } from '../system/package.ts';
import type { PortOwner } from '../system/port-owner.ts';
import { canLogIn, findGroup, findUser } from '../system/users.ts';
import type { Note } from './answers/notes.ts';
import type { Problem, Rule } from './answers/problems.ts';
import { type Answers, questions } from './answers/questions.ts';
import type { Resolved } from './answers/resolved.ts';
import type { SetupSwitches } from './answers/switches.ts';
import { composePlanFor } from './compose/plan.ts';
import { checkComposeAnswers, checkEngine } from './compose/requirements.ts';
import { bringBackCommand, derperName, isInUse, ownsPort } from './derper/naming.ts';
import { stopRefusal } from './derper/stop.ts';
import type { Facts } from './facts.ts';
import type { FirewallChoice } from './firewall-choice.ts';
import { formerRunner } from './former-runner.ts';
import { checkHost } from './host-check.ts';
import { findHttpFront, type HttpFront } from './nginx/http-front.ts';
import { outdatedPrograms } from './outdated.ts';
import { FOREGROUND_PORTS, type PortPolicy, servicePorts } from './ports.ts';
import { relayPids } from './relay-runner.ts';
import { RENEWAL_BY_CRON } from './renewal-by-cron.ts';
import { compareVersions } from './versions.ts';

/** System users have numbers below this one. */
const FIRST_ORDINARY_UID = 1000;

const flagProblem = (flag: string, value: string | undefined, rule: Problem['rule']): Problem => ({
  subject: flag,
  flag,
  ...(value !== undefined && { value }),
  rule,
});

/** Whether a target can be had, and what must be known about it. */
export interface TargetCheck {
  problems: Problem[];
  notes: Note[];
  /** The host does not lead here, as far as this machine sees, so that the relay is proved by the loopback address. */
  provedHere: boolean;
}

/** Whether the relay can run as its user: there is none yet, or it is a service's, with the group of the same name. */
async function checkUser(manifest: Manifest | undefined): Promise<Problem[]> {
  const [user, group] = await Promise.all([findUser(RELAY_USER), findGroup(RELAY_USER)]);
  const rules: Rule[] = [];
  if (user !== undefined && manifest?.user !== RELAY_USER && (user.uid >= FIRST_ORDINARY_UID || canLogIn(user)))
    rules.push({ code: 'user-can-log-in', uid: user.uid });
  else if (user !== undefined && group !== user.gid) rules.push({ code: 'user-of-another-group' });
  if (user === undefined && group !== undefined) rules.push({ code: 'group-without-user' });
  return rules.map((rule) => ({ subject: RELAY_USER, rule }));
}

/** Whether the target can be had here, with these answers. */
export async function checkTarget(
  { answers, facts, layout, resolution, manifest, taken, problems: found }: Resolved,
  { takeOver }: SetupSwitches,
): Promise<TargetCheck> {
  const problems: Problem[] = [];
  const asksTailscaled =
    answers.verify?.kind === 'tailscaled' &&
    answers.verify.socket === undefined &&
    (layout.root === '/' || !isInstalledTarget(answers.deploy));
  if (asksTailscaled && facts.tailscaled === undefined) {
    problems.push(flagProblem(questions.verify.flag, 'tailscaled', { code: 'needs-tailscaled' }));
  }
  if (!isInstalledTarget(answers.deploy)) return { problems, notes: [], provedHere: false };
  const { flag } = questions.deploy;
  const { verify } = resolution.unusable.has('verify') ? { verify: 'unusable' } : answers;
  // The answer may well be in a file that cannot be read.
  const isUnread = found.some(({ subject }) => subject === layout.config || subject === '--answers');
  if (verify === undefined && !isUnread) {
    const choices = ['tailscaled', 'url:https://…', 'keys:FILE', 'none'];
    problems.push(flagProblem(questions.verify.flag, undefined, { code: 'must-choose', choices }));
  }
  if (answers.deploy === 'compose') problems.push(...(await checkComposeAnswers(answers, layoutBelow('/'))));
  if (layout.root !== '/') return { problems, notes: [], provedHere: false };
  // npx may have kept an old copy of this program.
  if (manifest !== undefined && compareVersions(manifest.version, __VERSION__) > 0) {
    const rule = { code: 'older-version' as const, installed: manifest.version, version: __VERSION__ };
    problems.push({ subject: 'derp-setup', rule });
  }
  const engine = answers.deploy === 'compose' ? await checkEngine(facts, layout) : [];
  problems.push(...engine);
  const isDenied = engine.some(({ rule }) => rule.code === 'docker-denied');
  // Whom Docker refuses is told of root by that already.
  if (!facts.machine.isRoot && !isDenied) problems.push(flagProblem(flag, answers.deploy, { code: 'needs-root' }));
  else if (runsAsUnit(answers.deploy) && facts.machine.systemd === undefined) {
    problems.push(flagProblem(flag, answers.deploy, { code: 'needs-systemd' }));
  }
  problems.push(...(await checkUser(manifest)));
  const { derper } = facts;
  const notes: Note[] = [];
  if (!runsAsUnit(answers.deploy) && facts.machine.systemd === undefined)
    notes.push({ code: 'renew-by-cron', line: RENEWAL_BY_CRON });
  if (derper !== undefined && !takeOver && isInUse(derper))
    notes.push({ code: 'derper-found', name: derperName(derper) });
  if (derper !== undefined && taken !== undefined) {
    const lost = [...taken.notCarriedOver, ...taken.gaps.map(({ part }) => part)];
    if (isInUse(derper)) {
      notes.push({ code: 'derper-taken-over', name: derperName(derper), lost });
      const refusal = await stopRefusal(derper);
      const rule = refusal && { code: 'derper-not-stoppable' as const, refusal: refusal.code };
      if (rule) problems.push(flagProblem('--take-over', undefined, rule));
    }
    notes.push(...taken.scheduled.map((entry): Note => ({ code: 'derper-scheduled', ...entry })));
  }
  const reach = await checkHost(answers.host, facts.addresses);
  if (reach.leads === 'nowhere') notes.push({ code: 'host-unresolved', host: answers.host });
  if (reach.leads === 'elsewhere')
    notes.push({ code: 'host-elsewhere', host: answers.host, addresses: reach.addresses });
  return { problems, notes, provedHere: reach.leads !== 'here' };
}

/** What the target makes of ports that are taken. */
export async function portPolicy(
  { answers, facts, layout, manifest }: Resolved,
  { takeOver, noStart }: SetupSwitches,
): Promise<PortPolicy> {
  if (answers.deploy === 'foreground') return FOREGROUND_PORTS;
  // Without root there is another problem, which would hide behind ports that may not be opened.
  const checked = layout.root === '/' && !noStart && facts.machine.isRoot;
  const ours = await relayPids();
  const { derper } = facts;
  const isDerpers = (owner: PortOwner) => derper !== undefined && ownsPort(derper, owner);
  // The port is nginx's, and stays so.
  const isShared = (owner: PortOwner, port: number | undefined) =>
    answers.deploy === 'nginx-bypass' && port === answers.derpPort && owner.name === 'nginx';
  const makesWay = (owner: PortOwner, port?: number) =>
    (owner.pid !== undefined && ours.has(owner.pid)) || (takeOver && isDerpers(owner)) || isShared(owner, port);
  const known = manifest?.files.find(({ path }) => basename(path) === NGINX_FILE)?.path;
  const hasFront = runsAsUnit(answers.deploy) && layout.root === '/' && facts.machine.isRoot;
  return {
    ...(hasFront && { findFront: (wish) => findHttpFront({ ...wish, known }) }),
    ...servicePorts(checked, makesWay),
    derperOf: (owner) => (derper !== undefined && isDerpers(owner) ? derperName(derper) : undefined),
  };
}

/** Everything that a plan is made from. */
export interface PlanParts {
  input: TargetInput;
  newProverKeys?: string | undefined;
  answers: Answers;
  facts: Facts;
  manifest: Manifest | undefined;
  noStart: boolean;
  switches: SetupSwitches;
  firewall: Pick<FirewallChoice, 'tool' | 'openings'>;
  /** What has port 80 and hands it on. */
  httpFront?: HttpFront;
  /** What is done to nginx. */
  sharing?: NginxChange | undefined;
}

/** The plan of the answers' target. */
export async function planFor(parts: PlanParts): Promise<Plan> {
  const { answers, input } = parts;
  if (answers.deploy === 'foreground') return foregroundPlan(input);
  const installed = await installedInput(parts);
  return answers.deploy === 'compose' ? composePlanFor(parts, installed) : systemdPlan(installed);
}

async function installedInput(parts: PlanParts): Promise<InstalledInput> {
  const { input, answers, facts, manifest, noStart, switches } = parts;
  const { tool, openings } = parts.firewall;
  const { programsDirectory, root } = input.layout;
  const userExists = root !== '/' || (await isOthersUser());
  const existingDirectories = await existingAmong(directoriesOf(input.layout));
  const before = {
    manifest,
    userExists,
    openings,
    programsDirectory,
    existingDirectories,
    root,
    nginx: parts.sharing?.record,
  };
  const bringBack = facts.derper && bringBackCommand(facts.derper);
  const derper =
    switches.takeOver && facts.derper && isInUse(facts.derper)
      ? { name: derperName(facts.derper), ...(bringBack !== undefined && { bringBack }) }
      : undefined;
  const { path, version: nodeVersion, reachable } = facts.runtime;
  const outdated = await outdatedPrograms(input.layout, { version: __VERSION__, nodeVersion });
  const { httpFront } = parts;
  const former = await formerRunner(answers.deploy, input.layout);
  return {
    ...input,
    outdated,
    nginx: nginxFiles(httpFront, parts.sharing, manifest),
    ...(parts.newProverKeys !== undefined && { newProverKeys: parts.newProverKeys }),
    logLevel: 'info',
    version: __VERSION__,
    packageDirectory: await packageDirectory(),
    templates: (await readTemplates()) as unknown as Templates,
    runtime: { path, version: nodeVersion, reachable },
    ...(tool !== undefined && { firewall: { tool } }),
    ...(derper && { derper }),
    ordersCertificates: answers.cert === 'letsencrypt',
    ...(former !== undefined && { formerly: former }),
    noStart,
    ...(parts.sharing && { sharing: parts.sharing }),
    manifest: (steps) => formatManifest(manifestOf(steps, __VERSION__, before)),
  };
}

/** The file that nginx reads, and those that earlier runs have left it. */
function nginxFiles(
  front: HttpFront | undefined,
  sharing: NginxChange | undefined,
  manifest: Manifest | undefined,
): NginxFiles {
  const recorded = (manifest?.files ?? []).filter(({ purpose }) => purpose === 'nginx-config');
  const written = (sharing?.after ?? []).flatMap((step) => (step.kind === 'file' ? [step.path] : []));
  const needed = new Set([front?.file, ...written]);
  const obsolete = recorded.map(({ path }) => path).filter((path) => !needed.has(path));
  return { obsolete, ...(front && { file: { path: front.file, content: front.content } }) };
}

/** Whether the user was there before us. One with our directory as its home was made by a run whose record is lost. */
async function isOthersUser(): Promise<boolean> {
  const user = await findUser(RELAY_USER);
  return user !== undefined && user.home !== layoutBelow('/').stateDirectory;
}

/** The directories that a plan may make. */
function directoriesOf(layout: Layout): string[] {
  const {
    composeDirectory,
    configDirectory,
    certificateDirectory,
    stateDirectory,
    acmeDirectory,
    unitDirectory,
    tailscaledDropIn,
    launcher,
  } = layout;
  return [
    configDirectory,
    composeDirectory,
    certificateDirectory,
    stateDirectory,
    acmeDirectory,
    unitDirectory,
    dirname(tailscaledDropIn),
    dirname(launcher),
  ];
}

async function existingAmong(paths: readonly string[]): Promise<Set<string>> {
  const kinds = await Promise.all(paths.map((path) => kindOf(path)));
  return new Set(paths.filter((_, i) => kinds[i] === 'directory'));
}
