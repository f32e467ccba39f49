/** Which ports the relay gets: those that were asked for, or near the default ones when these are taken. */
import { type PortOwner, portOwner } from '../system/port-owner.ts';
import { findFreePort, type PortProtocol, portState } from '../system/ports.ts';
import type { Note } from './notes.ts';
import type { Problem, Rule } from './problems.ts';
import { type Answers, questions } from './questions.ts';
import type { GivenAnswers, Resolution } from './resolve.ts';
import { OFF } from './values.ts';

type PortKey = 'derpPort' | 'httpPort' | 'stunPort';

/** The ports, as far as they could be settled, and what must be said about them. */
export interface PortChoice {
  ports: Pick<Answers, PortKey>;
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
  makesWay(owner: PortOwner): boolean;
  /** The name of the derper that this owner is, if it is the one that could be taken over. */
  derperOf?(owner: PortOwner): string | undefined;
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

/**
 * Settles the ports by trying to bind them. A port that was named is used or refused, with the name of who has it; a
 * default that is taken is dealt with by the target's policy, and a note says so.
 */
export async function choosePorts(
  answers: Answers,
  { given, unusable }: Resolution,
  { checked, takenDefaults, makesWay, derperOf }: PortPolicy,
): Promise<PortChoice> {
  const ports = { derpPort: answers.derpPort, httpPort: answers.httpPort, stunPort: answers.stunPort };
  const problems = unusable.has('derpPort') || unusable.has('httpPort') ? [] : samePort(answers, given);
  const notes: Note[] = [];
  for (const key of ['derpPort', 'httpPort', 'stunPort'] as const) {
    const port = ports[key];
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
    if (owner !== undefined && makesWay(owner)) continue;
    const known = owner && { owner };
    const derper = owner && derperOf?.(owner);
    if (given[key] || takenDefaults[key] === 'refuse') {
      refuse(
        derper === undefined
          ? { code: 'port-in-use', protocol, ...known }
          : { code: 'derper-in-the-way', name: derper },
      );
      continue;
    }
    if (takenDefaults[key] === 'leave-out') {
      ports[key] = OFF;
      notes.push({ code: 'port-left-out', flag, protocol, port, ...known });
      continue;
    }
    const free = await findFreePort(protocol, port + 1, [ports.derpPort, ports.httpPort]);
    if (free === undefined) refuse({ code: 'no-free-port', protocol });
    else {
      ports[key] = free;
      notes.push({ code: 'port-moved', flag, protocol, from: port, to: free, ...known });
    }
  }
  return { ports, notes, problems };
}
