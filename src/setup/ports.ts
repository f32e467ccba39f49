/** Which ports the relay gets: those that were asked for, or near the default ones when these are taken. */
import { type PortOwner, portOwner } from '../system/port-owner.ts';
import { findFreePort, type PortProtocol, portState } from '../system/ports.ts';
import type { Note } from './answers/notes.ts';
import type { Problem, Rule } from './answers/problems.ts';
import { type Answers, questions } from './answers/questions.ts';
import type { GivenAnswers, Resolution } from './answers/resolve.ts';
import { OFF } from './answers/values.ts';
import { FRONT_PORT, type FrontObstacle, type HttpFront, type HttpFrontWish } from './nginx/http-front.ts';

type PortKey = 'derpPort' | 'httpPort' | 'stunPort';

/** The ports, as far as they could be settled, and what must be said about them. */
export interface PortChoice {
  ports: Pick<Answers, PortKey | 'relayHttpPort'>;
  /** What has port 80 and hands it on. */
  front?: HttpFront;
  notes: Note[];
  problems: Problem[];
}

const PROTOCOLS: Record<PortKey, PortProtocol> = { derpPort: 'tcp', httpPort: 'tcp', stunPort: 'udp' };

/** Two servers cannot have one TCP port, whether or not it is free. */
function samePort(answers: Answers, given: GivenAnswers): Problem[] {
  if (answers.derpPort !== answers.httpPort) return [];
  const key = given.httpPort ? 'httpPort' : 'derpPort';
  const other = key === 'httpPort' ? 'derpPort' : 'httpPort';
  const { flag } = questions[key];
  const rule: Rule = { code: 'same-port', other: questions[other].flag };
  return [{ subject: given[key]?.subject ?? flag, flag, value: String(answers[key]), rule }];
}

/** What is done about a default port that is taken. */
export type TakenDefault = 'move' | 'refuse' | 'leave-out';

/** What a target makes of ports. */
export interface PortPolicy {
  /** Whether ports matter at all: not where nothing is started here. */
  checked: boolean;
  takenDefaults: Record<PortKey, TakenDefault>;
  /** Whether this owner makes way by itself: the relay that is set up anew, or a derper that is taken over. */
  makesWay(owner: PortOwner, port?: number): boolean;
  /** The name of the derper that this owner is, if it is the one that could be taken over. */
  derperOf?(owner: PortOwner): string | undefined;
  /** Whether nginx has port 80 and hands on what comes there; absent for a target that has no use for that. */
  findFront?(wish: Omit<HttpFrontWish, 'known'>): Promise<HttpFront | FrontObstacle | undefined>;
}

/** In the foreground any port will do. */
export const FOREGROUND_PORTS: PortPolicy = {
  checked: true,
  takenDefaults: { derpPort: 'move', httpPort: 'move', stunPort: 'move' },
  makesWay: () => false,
};

/** A service has the ports that its map entry names for years, so that another one is the user's to choose. */
export function servicePorts(checked: boolean, makesWay: PortPolicy['makesWay']): PortPolicy {
  return { checked, takenDefaults: { derpPort: 'refuse', httpPort: 'leave-out', stunPort: 'refuse' }, makesWay };
}

/** What nginx can do for the relay's plain HTTP, and what is wrong with what was wished of it. */
interface FrontChoice {
  front?: HttpFront;
  obstacle?: FrontObstacle;
  problems: Problem[];
  notes: Note[];
}

/** Looks for an nginx that hands port 80 on, and judges the port on which the relay takes that. */
async function chooseFront(
  answers: Answers,
  { given, unusable }: Resolution,
  { checked, makesWay, findFront }: PortPolicy,
): Promise<FrontChoice> {
  const { host, derpPort, httpPort, relayHttpPort: relayPort } = answers;
  const { flag } = questions.relayHttpPort;
  const wanted = given.relayHttpPort;
  const refusal = (rule: Rule, port = relayPort): Problem => ({
    subject: wanted?.subject ?? flag,
    flag,
    value: String(port),
    rule,
  });
  const judgeable = !(['host', 'httpPort', 'derpPort', 'relayHttpPort'] as const).some((key) => unusable.has(key));
  if (!judgeable) return { problems: [], notes: [] };
  const found = httpPort === FRONT_PORT ? await findFront?.({ host, derpPort, relayPort }) : undefined;
  if (found === undefined) {
    const isNamed = wanted !== undefined && wanted.source !== 'saved';
    return { problems: isNamed ? [refusal({ code: 'nothing-in-front' })] : [], notes: [] };
  }
  if ('reason' in found) return { obstacle: found, problems: [], notes: [] };
  const port = found.relayPort;
  if (port === derpPort || port === httpPort) {
    const other = questions[port === derpPort ? 'derpPort' : 'httpPort'].flag;
    return { problems: [refusal({ code: 'same-port', other }, port)], notes: [] };
  }
  const owner = checked ? await portOwner('tcp', port) : undefined;
  if (owner !== undefined && !makesWay(owner)) {
    return { problems: [refusal({ code: 'port-in-use', protocol: 'tcp', owner }, port)], notes: [] };
  }
  const notes: Note[] = found.pending ? [{ code: 'nginx-hands-on', file: found.file, host }] : [];
  return { front: found, problems: [], notes };
}

/**
 * Settles the ports by trying to bind them. A port that was named is used or refused, with the name of who has it; a
 * default that is taken is dealt with by the target's policy, and a note says so.
 */
export async function choosePorts(answers: Answers, resolution: Resolution, policy: PortPolicy): Promise<PortChoice> {
  const { given, unusable } = resolution;
  const { checked, takenDefaults, makesWay, derperOf } = policy;
  const { derpPort, httpPort, stunPort } = answers;
  const { front, obstacle, ...frontChoice } = await chooseFront(answers, resolution, policy);
  const ports = { derpPort, httpPort, stunPort, relayHttpPort: front?.relayPort };
  const problems = unusable.has('derpPort') || unusable.has('httpPort') ? [] : samePort(answers, given);
  const notes: Note[] = [...frontChoice.notes];
  problems.push(...frontChoice.problems);
  for (const key of ['derpPort', 'httpPort', 'stunPort'] as const) {
    const port = ports[key];
    if (key === 'httpPort' && (front || frontChoice.problems.length > 0)) continue;
    if (!checked || port === OFF || unusable.has(key)) continue;
    const protocol = PROTOCOLS[key];
    const { flag } = questions[key];
    const state = await portState(protocol, port);
    if (state === 'free') continue;
    const refuse = (rule: Rule) =>
      problems.push({ subject: given[key]?.subject ?? flag, flag, value: String(port), rule });
    if (state === 'denied') {
      refuse({ code: 'port-denied', protocol });
      continue;
    }
    const owner = await portOwner(protocol, port);
    if (owner !== undefined && makesWay(owner, port)) continue;
    const known = owner && { owner };
    const derper = owner && derperOf?.(owner);
    const cannot = key === 'httpPort' ? obstacle : undefined;
    if (given[key] || takenDefaults[key] === 'refuse') {
      if (derper !== undefined) refuse({ code: 'derper-in-the-way', name: derper });
      else if (cannot) refuse({ code: 'nginx-in-the-way', obstacle: cannot });
      else refuse({ code: 'port-in-use', protocol, ...known });
      continue;
    }
    if (takenDefaults[key] === 'leave-out') {
      ports[key] = OFF;
      notes.push({ code: 'port-left-out', flag, protocol, port, ...known });
      if (cannot) notes.push({ code: 'nginx-in-the-way', port, obstacle: cannot });
      continue;
    }
    const free = await findFreePort(protocol, port + 1, [ports.derpPort, ports.httpPort]);
    if (free === undefined) refuse({ code: 'no-free-port', protocol });
    else {
      ports[key] = free;
      notes.push({ code: 'port-moved', flag, protocol, from: port, to: free, ...known });
    }
  }
  return { ports, ...(front && { front }), notes, problems };
}
