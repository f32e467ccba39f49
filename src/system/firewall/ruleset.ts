/**
 * What a set of filter rules does with the first packet of a stranger. Rules are judged by what they surely do with
 * every such packet: one that lets in a few sources, or so many packets a minute, does not open a port, and one that
 * turns a few away does not close it.
 */
import type { OpeningState } from './types.ts';

/** The first packet of a new connection, from an address that no rule is about, to an address of this machine. */
export interface Packet {
  family: 'ipv4' | 'ipv6';
  protocol: 'tcp' | 'udp';
  /** Undefined for a port that no rule is about. */
  port: number | undefined;
  /** Where it comes in; undefined when that is not known. */
  interface: string | undefined;
}

/** Whether a packet fulfils a condition; undefined when only some of its kind do. */
export type Certainty = boolean | undefined;

/** What a rule does with a packet. */
export type Action =
  | { kind: 'accept' }
  | { kind: 'drop' }
  | { kind: 'return' }
  | { kind: 'jump'; chain: string }
  | { kind: 'goto'; chain: string };

export interface Rule {
  /** What it surely does with such packets; undefined when that is nothing. `namesPort`: because of their port. */
  effectOn(packet: Packet): { action: Action; namesPort: boolean } | undefined;
}

export interface Chain {
  /** What becomes of packets that no rule decides about; chains that are only jumped to have none. */
  policy?: 'accept' | 'drop';
  rules: readonly Rule[];
}

/** The chains of one table, by name. */
export type RuleSet = ReadonlyMap<string, Chain>;

/** What decides about a packet. */
export interface Decision {
  verdict: 'accept' | 'drop';
  chain: string;
  /** The place of the deciding rule in its chain, from 0; undefined when the policy decided. */
  index: number | undefined;
  /** Because of the packet's port. */
  namesPort: boolean;
}

/** Deeper than the kernel allows; the limit only guards against rules that were read wrongly. */
const MAX_DEPTH = 64;

/** True when all are, false when one is not, and otherwise not certain. */
export function every(certainties: readonly Certainty[]): Certainty {
  if (certainties.includes(false)) return false;
  return certainties.includes(undefined) ? undefined : true;
}

/** True when one is, false when none is, and otherwise not certain. */
export function some(certainties: readonly Certainty[]): Certainty {
  if (certainties.includes(true)) return true;
  return certainties.includes(undefined) ? undefined : false;
}

/** The opposite, as far as it is certain. */
export function not(certainty: Certainty): Certainty {
  return certainty === undefined ? undefined : !certainty;
}

/** The decision inside a chain; undefined when it hands the packet back to where it was jumped from. */
function follow(rules: RuleSet, name: string, packet: Packet, named: boolean, depth: number): Decision | undefined {
  for (const [index, rule] of (rules.get(name)?.rules ?? []).entries()) {
    const effect = rule.effectOn(packet);
    if (effect === undefined) continue;
    const { action } = effect;
    const namesPort = named || effect.namesPort;
    if (action.kind === 'accept' || action.kind === 'drop') {
      return { verdict: action.kind, chain: name, index, namesPort };
    }
    if (action.kind === 'return') return undefined;
    const inner = depth < MAX_DEPTH ? follow(rules, action.chain, packet, namesPort, depth + 1) : undefined;
    // After a goto nothing comes back to this chain.
    if (inner !== undefined || action.kind === 'goto') return inner;
  }
  return undefined;
}

/** What becomes of a packet that comes to the chain `base`. */
export function decide(rules: RuleSet, base: string, packet: Packet): Decision {
  const { policy = 'accept' } = rules.get(base) ?? {};
  return follow(rules, base, packet, false, 0) ?? { verdict: policy, chain: base, index: undefined, namesPort: false };
}

/** What a decision means for the port. */
export function stateBy({ verdict, namesPort }: Decision): OpeningState {
  if (verdict === 'accept') return 'open';
  return namesPort ? 'refused' : 'closed';
}
