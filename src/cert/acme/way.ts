/** Which challenge to take, and who answers it. Pure: facts in, the way out. */
import type { PortOwner } from '../../system/port-owner.ts';
import { isLetsEncrypt } from './directory.ts';
import type { ChallengeType } from './identifier.ts';

/** Who has a port: nobody, our running relay, somebody else, or it may not be opened by this user. */
export type PortHolder =
  | { state: 'free' }
  | { state: 'relay' }
  | { state: 'denied' }
  | { state: 'taken'; owner?: PortOwner | undefined };

/** How a challenge is answered. */
export interface ChallengeWay {
  challenge: ChallengeType;
  /** `relay`: the running relay serves the answer; `responder`: we listen there for the moment. */
  by: 'relay' | 'responder';
  /** Where it is answered on this machine. */
  port: number;
  /** Where connections for it arrive on this machine, when something there hands them on to `port` of the loopback address. */
  frontPort?: number;
  /** Where the authority looks. */
  outerPort: number;
}

/** Why a challenge cannot be answered. */
export interface BlockedWay {
  challenge: ChallengeType;
  port: number;
  holder: PortHolder;
}

/** What the choice depends on. */
export interface WayFacts {
  directoryUrl: string;
  /** What somebody asked for. */
  wanted: ChallengeType | undefined;
  derpPort: number;
  /** -1 where the relay has none. */
  httpPort: number;
  /** Where the relay has these on the loopback address, because something else takes connections and hands them on. */
  behind?: { derpPort?: number; httpPort?: number };
  /** Who has the ports that `candidatePorts` names. */
  holders: ReadonlyMap<number, PortHolder>;
}

const OUTER: Record<ChallengeType, number> = { 'http-01': 80, 'tls-alpn-01': 443 };

/** What the relay itself has for a challenge; -1 for nothing. */
const ownPort = (type: ChallengeType, { derpPort, httpPort }: Pick<WayFacts, 'derpPort' | 'httpPort'>) =>
  type === 'http-01' ? httpPort : derpPort;

type PortFacts = Pick<WayFacts, 'directoryUrl' | 'wanted' | 'derpPort' | 'httpPort' | 'behind'>;

/**
 * The port of this machine at which a challenge arrives. Public authorities look at 80 and 443 only; who asks for a
 * challenge by name, or names an authority of his own, knows that the relay's port is where it arrives.
 */
function arrivalPort(type: ChallengeType, facts: PortFacts): number {
  const own = ownPort(type, facts);
  const named = facts.wanted === type || !isLetsEncrypt(facts.directoryUrl);
  return own > 0 && named ? own : OUTER[type];
}

/** The port on which a challenge is answered, and that at which it arrives where that is another one. */
function portsOf(type: ChallengeType, facts: PortFacts): Pick<ChallengeWay, 'port' | 'frontPort'> {
  const arrival = arrivalPort(type, facts);
  const inner = type === 'http-01' ? facts.behind?.httpPort : facts.behind?.derpPort;
  // What is handed on to the relay is what comes for its own port.
  if (inner === undefined || arrival !== ownPort(type, facts)) return { port: arrival };
  return { port: inner, frontPort: arrival };
}

/** The challenges to try, in order. */
const challengesOf = ({ wanted }: Pick<WayFacts, 'wanted'>): ChallengeType[] =>
  wanted === undefined ? ['http-01', 'tls-alpn-01'] : [wanted];

/** The ports that a way may need: who has them must be found out. */
export function candidatePorts(facts: PortFacts): number[] {
  return [...new Set(challengesOf(facts).map((type) => portsOf(type, facts).port))];
}

/** The way to take, or why there is none. */
export function chooseWay(facts: WayFacts): { way: ChallengeWay } | { blocked: BlockedWay[] } {
  const blocked: BlockedWay[] = [];
  for (const challenge of challengesOf(facts)) {
    const ports = portsOf(challenge, facts);
    const { port, frontPort = port } = ports;
    const holder = facts.holders.get(port) ?? { state: 'free' };
    const outerPort = isLetsEncrypt(facts.directoryUrl) ? OUTER[challenge] : frontPort;
    if (holder.state === 'relay') return { way: { challenge, by: 'relay', ...ports, outerPort } };
    if (holder.state === 'free') return { way: { challenge, by: 'responder', ...ports, outerPort } };
    blocked.push({ challenge, port, holder });
  }
  return { blocked };
}
