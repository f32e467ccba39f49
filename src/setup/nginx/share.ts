/** The part of a plan that has nginx share its port with the relay, or give it back: looks at nginx, changes nothing. */
import { isIP } from 'node:net';
import type { Manifest } from '../../deploy/manifest.ts';
import { type Bypass, planBypass } from '../../deploy/nginx/bypass.ts';
import { backupRemovals, bypassChange, type NginxChange, takeBackSteps } from '../../deploy/nginx/bypass-steps.ts';
import type { NginxObstacle } from '../../deploy/nginx/obstacle.ts';
import { PROXY_SOURCE } from '../../deploy/nginx/own-stream.ts';
import { OUR_FILES } from '../../deploy/nginx/placement.ts';
import type { NginxRecord } from '../../deploy/nginx/record.ts';
import type { NginxTemplates } from '../../deploy/nginx/stream-files.ts';
import type { RelayFront } from '../../deploy/relay-description.ts';
import { publicFileStep } from '../../deploy/steps.ts';
import { readTemplates } from '../../system/package.ts';
import { portOwner } from '../../system/port-owner.ts';
import { findFreePort, portState } from '../../system/ports.ts';
import type { Note } from '../answers/notes.ts';
import type { Problem, Rule } from '../answers/problems.ts';
import { type Answers, nginxEndsTls, questions } from '../answers/questions.ts';
import type { Resolved } from '../answers/resolved.ts';
import type { SetupSwitches } from '../answers/switches.ts';
import type { PreviewedStep } from '../preview.ts';
import { relayPids } from '../relay-runner.ts';
import { lookAtNginx, type NginxLook } from './gather.ts';
import { chooseEndOfTls } from './https-front.ts';

/** What becomes of nginx. */
export interface SharedPortChoice {
  problems: Problem[];
  notes: Note[];
  /** The ports behind nginx. */
  ports: Partial<Pick<Answers, 'relayPort' | 'sitesPort'>>;
  front?: RelayFront;
  change?: NginxChange;
  /** What a person would have to write instead. */
  byHand?: PreviewedStep[];
}

type PortKey = 'relayPort' | 'sitesPort';

/** Where to look for a port that nobody named. */
const FIRST_PORTS: Record<PortKey, number> = { relayPort: 8443, sitesPort: 8444 };

/** Our own files in nginx's configuration, as an earlier run has recorded them. */
export function ourNginxFiles(manifest: Manifest | undefined): string[] {
  const files = (manifest?.files ?? []).filter(({ purpose }) => purpose === 'nginx-share');
  return files.map(({ path }) => path).filter((path) => OUR_FILES.some((name) => path.endsWith(`/${name}`)));
}

/** Has nginx take its port back, where an earlier run shares it and this one does not. */
function takenBack({ manifest, layout }: Pick<Resolved, 'manifest' | 'layout'>): NginxChange | undefined {
  const before = takeBackSteps(manifest?.nginx, ourNginxFiles(manifest));
  return before.length === 0 ? undefined : { before, after: backupRemovals(manifest?.nginx, layout) };
}

function problemOf(rule: Rule): Problem {
  const { flag } = questions.deploy;
  return { subject: flag, flag, value: 'nginx-bypass', rule };
}

const isObstacle = (look: NginxLook | NginxObstacle): look is NginxObstacle => 'code' in look;

/** Whether the sites' port is theirs already, by an earlier run. */
function isSitesOwn(port: number, record: NginxRecord | undefined): boolean {
  return record?.sitesPort === port || record?.earlier?.sitesPort === port;
}

/** A port behind nginx: the one that was named, if it can be had, or the next free one. */
async function choosePort(
  key: PortKey,
  { answers, resolution, manifest }: Resolved,
  taken: readonly number[],
  relays: ReadonlySet<number>,
): Promise<{ port: number; problem?: Problem }> {
  const { flag } = questions[key];
  const named = answers[key];
  if (named === undefined) return { port: (await findFreePort('tcp', FIRST_PORTS[key], taken)) ?? FIRST_PORTS[key] };
  const blame = (rule: Rule): Problem => ({
    subject: resolution.given[key]?.subject ?? flag,
    flag,
    value: String(named),
    rule,
  });
  if (taken.includes(named))
    return { port: named, problem: blame({ code: 'same-port', other: questions.derpPort.flag }) };
  if ((await portState('tcp', named)) === 'free') return { port: named };
  const owner = await portOwner('tcp', named);
  const isRelays = key === 'relayPort' && owner?.pid !== undefined && relays.has(owner.pid);
  const isSites = key === 'sitesPort' && owner?.name === 'nginx' && isSitesOwn(named, manifest?.nginx);
  if (isRelays || isSites) return { port: named };
  return { port: named, problem: blame({ code: 'port-in-use', protocol: 'tcp', ...(owner && { owner }) }) };
}

/** What of the running nginx is in the way. */
async function runningObstacle({ processes }: NginxLook, port: number): Promise<NginxObstacle | undefined> {
  const owner = await portOwner('tcp', port);
  const isNginx = owner?.name === 'nginx' && owner.pid !== undefined;
  const own = processes === undefined ? [] : [processes.master, ...processes.workers];
  // One of the same name, in a container or started by hand, is not the one whose files are here.
  if (isNginx && !own.includes(owner.pid!)) return { code: 'nginx-other', pid: owner.pid! };
  return processes === undefined ? { code: 'nginx-stopped' } : undefined;
}

function notesOf({ fewConnections, serverPortUses }: Bypass, host: string, sitesPort: number): Note[] {
  const places = serverPortUses.map(({ file, line }) => `${file}:${line}`);
  return [
    ...(isIP(host) === 0 ? [] : [{ code: 'nginx-nameless', host } as const]),
    ...(fewConnections === undefined ? [] : [{ code: 'nginx-few-connections', connections: fewConnections } as const]),
    ...(places.length === 0 ? [] : [{ code: 'nginx-server-port', sitesPort, places } as const]),
  ];
}

/** What a person would have to write, in the form in which changes are shown. */
function shownEdits({ files, edits }: Bypass): PreviewedStep[] {
  return [
    ...files.map(
      ({ path, content }): PreviewedStep => ({
        step: publicFileStep('nginx-share', path, content),
        finding: { change: 'create', before: '', after: content },
      }),
    ),
    ...edits.map(
      ({ path, original, edited }): PreviewedStep => ({
        step: publicFileStep('nginx-share', path, edited),
        finding: { change: 'change', before: original, after: edited },
      }),
    ),
  ];
}

/** Looks at nginx and plans, with the public ports settled. */
export async function chooseSharedPort(resolved: Resolved, switches: SetupSwitches): Promise<SharedPortChoice> {
  const { answers, resolution, layout, manifest, facts } = resolved;
  const nothing: SharedPortChoice = { problems: [], notes: [], ports: {} };
  const onMachine = layout.root === '/';
  if (answers.deploy !== 'nginx-bypass') {
    const change = onMachine && !switches.noStart ? takenBack(resolved) : undefined;
    return { ...nothing, ...(change && { change }) };
  }
  if (!onMachine) return { ...nothing, problems: [problemOf({ code: 'not-with', flag: '--root' })] };
  if (switches.noStart) return { ...nothing, problems: [problemOf({ code: 'not-with', flag: '--no-start' })] };
  // Without these there are other problems, behind which everything else would hide.
  if (!facts.machine.isRoot || facts.machine.systemd === undefined || resolution.unusable.size > 0) return nothing;
  const { host, derpPort, httpPort, relayHttpPort } = answers;
  const taken = [derpPort, httpPort, ...(relayHttpPort === undefined ? [] : [relayHttpPort])];
  const relays = await relayPids();
  const relay = await choosePort('relayPort', resolved, taken, relays);
  if (nginxEndsTls(answers)) {
    const seen = await lookAtNginx(manifest?.nginx, ourNginxFiles(manifest));
    const running = isObstacle(seen) ? undefined : await runningObstacle(seen, derpPort);
    return chooseEndOfTls(resolved, { look: seen, running, relay, takenBack: takenBack(resolved) });
  }
  const sites = await choosePort('sitesPort', resolved, [...taken, relay.port], relays);
  const problems = [relay.problem, sites.problem].filter((problem) => problem !== undefined);
  const [relayPort, sitesPort] = [relay.port, sites.port];
  const ours = ourNginxFiles(manifest);
  const look = await lookAtNginx(manifest?.nginx, ours);
  if (isObstacle(look)) return { ...nothing, problems: [...problems, problemOf(look)] };
  const shared = { host, port: derpPort, relayPort, sitesPort };
  const templates = (await readTemplates()) as unknown as NginxTemplates;
  const plan = planBypass({ ...shared, ...look, osId: facts.machine.osId, templates });
  const running = await runningObstacle(look, derpPort);
  const obstacles = [...(running ? [running] : []), ...(plan.kind === 'obstacles' ? plan.obstacles : [])];
  problems.push(...obstacles.map(problemOf));
  if (plan.kind === 'obstacles') {
    return { ...nothing, problems, ...(plan.byHand && { byHand: shownEdits(plan.byHand) }) };
  }
  if (plan.kind === 'by-hand') {
    const { relayPort: made } = plan.route;
    const asMade = { ...resolved, answers: { ...answers, relayPort: answers.relayPort ?? made } };
    const { problem } = await choosePort('relayPort', asMade, taken, relays);
    const differs = answers.relayPort !== undefined && answers.relayPort !== made;
    const wrong = differs ? problemOf({ code: 'nginx-other-relay-port', relayPort: made, named: relayPort }) : problem;
    const front: RelayFront = { derpPort: made, proxyFrom: PROXY_SOURCE };
    const change = takenBack(resolved);
    return {
      problems: [...(running ? [problemOf(running)] : []), ...(wrong ? [wrong] : [])],
      notes: [{ code: 'nginx-by-hand', relayPort: made }],
      ports: { relayPort: made },
      front,
      ...(change && { change }),
    };
  }
  if (problems.length > 0) return { ...nothing, problems };
  const front: RelayFront = { derpPort: relayPort, proxyFrom: PROXY_SOURCE };
  const before = { nginx: manifest?.nginx, ours };
  const sources = look.files;
  const change = bypassChange(plan.bypass, { port: derpPort, sitesPort, sources }, layout, before);
  const ports = { relayPort, sitesPort };
  return { problems, notes: notesOf(plan.bypass, host, sitesPort), ports, front, change };
}
