/** Reads the output of `iptables -S`, which is the same for iptables, ip6tables and both of their variants. */
import {
  type Action,
  type Certainty,
  type Chain,
  every,
  not,
  type Packet,
  type Rule,
  type RuleSet,
} from './ruleset.ts';

/** A rule with its own words, by which it can be deleted. */
export interface IptablesRule extends Rule {
  readonly words: readonly string[];
}

/** A chain whose rules know their words. */
export interface IptablesChain extends Chain {
  readonly rules: readonly IptablesRule[];
}

type Test = (packet: Packet) => Certainty;

/** The words of a line. Only comments, log prefixes and the like are quoted, with backslashes inside. */
export function splitWords(line: string): string[] {
  const words = line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  return words.map((word) => (word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word));
}

/** `443`, `8000:8010` or a list of both. */
function portIn(list: string, port: number | undefined): boolean {
  return list.split(',').some((entry) => {
    const [from, to = from] = entry.split(':').map(Number) as [number, number?];
    return port !== undefined && port >= from && port <= to!;
  });
}

const isEverywhere = (network: string) => /^(0\.0\.0\.0|::)\/0$/.test(network);

/** Addresses that a packet to this machine from outside does not go to: multicast, broadcast, loopback. */
const NOT_OURS = /^(22[4-9]|23\d|255\.255\.255\.255|127\.|ff[0-9a-f]{2}:|::1\/128)/i;

const PROTOCOLS: Record<string, Packet['protocol']> = { tcp: 'tcp', '6': 'tcp', udp: 'udp', '17': 'udp' };

/** The flags of the packet that opens a TCP connection, among those that are looked at. */
function flagsMatch(mask: string, wanted: string): boolean {
  const isLookedAt = mask === 'ALL' || mask.split(',').includes('SYN');
  return wanted === (isLookedAt ? 'SYN' : 'NONE');
}

/** The options that are understood: how many values they take, and what they ask. */
const OPTIONS: Record<string, { values: number; test: (...values: string[]) => Test }> = {
  '-p': { values: 1, test: (name) => (packet) => name === 'all' || PROTOCOLS[name!] === packet.protocol },
  '-s': { values: 1, test: (network) => () => isEverywhere(network!) },
  '-d': { values: 1, test: (network) => () => isEverywhere(network!) || (NOT_OURS.test(network!) ? false : undefined) },
  '-i': {
    values: 1,
    test: (name) => (packet) => {
      if (packet.interface === undefined) return name === 'lo' ? false : undefined;
      return name!.endsWith('+') ? packet.interface.startsWith(name!.slice(0, -1)) : packet.interface === name;
    },
  },
  '--dport': { values: 1, test: (list) => (packet) => portIn(list!, packet.port) },
  '--dports': { values: 1, test: (list) => (packet) => portIn(list!, packet.port) },
  '--state': { values: 1, test: (states) => () => states!.split(',').includes('NEW') },
  '--ctstate': { values: 1, test: (states) => () => states!.split(',').includes('NEW') },
  '--syn': { values: 0, test: () => (packet) => packet.protocol === 'tcp' },
  '--tcp-flags': { values: 2, test: (mask, wanted) => () => flagsMatch(mask!, wanted!) },
  '--dst-type': { values: 1, test: (types) => () => types!.split(',').includes('LOCAL') },
  '--src-type': { values: 1, test: (types) => () => types!.split(',').includes('UNICAST') },
  // A stranger is in no list of addresses; whether ours are in one is not known.
  '--match-set': { values: 2, test: (_name, what) => () => (/^src/.test(what!) ? false : undefined) },
  '--comment': { values: 1, test: () => () => true },
};

/** Modules of which we understand the options above; of others we only know that they ask for something. */
const MODULES = new Set(['tcp', 'udp', 'multiport', 'state', 'conntrack', 'addrtype', 'set', 'comment']);

const PORT_OPTIONS = new Set(['--dport', '--dports']);

function parseAction(option: string, target: string | undefined, chains: ReadonlySet<string>): Action | undefined {
  if (target === undefined) return undefined;
  if (option === '-g') return { kind: 'goto', chain: target };
  if (target === 'ACCEPT') return { kind: 'accept' };
  if (target === 'DROP' || target === 'REJECT') return { kind: 'drop' };
  if (target === 'RETURN') return { kind: 'return' };
  // Logs, marks and the like let the packet go on.
  return chains.has(target) ? { kind: 'jump', chain: target } : undefined;
}

/** A rule from its words after `-A CHAIN`. */
function parseRule(words: readonly string[], chains: ReadonlySet<string>): IptablesRule {
  const tests: Test[] = [];
  let action: Action | undefined;
  let namesPort = false;
  let negated = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === '!') {
      negated = true;
      continue;
    }
    if (word === '-j' || word === '-g') {
      // What follows belongs to the target.
      action = parseAction(word, words[at + 1], chains);
      break;
    }
    const option = OPTIONS[word];
    if (option) {
      const test = option.test(...words.slice(at + 1, at + 1 + option.values));
      tests.push(negated ? (packet) => not(test(packet)) : test);
      namesPort ||= PORT_OPTIONS.has(word) && !negated;
      at += option.values;
    } else if (word === '-m') {
      if (!MODULES.has(words[++at]!)) tests.push(() => undefined);
    } else if (word.startsWith('-')) {
      tests.push(() => undefined);
    }
    negated = false;
  }
  return {
    words,
    effectOn: (packet) =>
      action && every(tests.map((test) => test(packet))) === true ? { action, namesPort } : undefined,
  };
}

/** The chains of the filter table, from the output of `iptables -S`. Lines that are none of its own are passed over. */
export function parseIptablesRules(text: string): ReadonlyMap<string, IptablesChain> & RuleSet {
  const lines = text.split('\n').map(splitWords);
  const chains = new Map<string, { policy?: 'accept' | 'drop'; rules: IptablesRule[] }>();
  for (const [option, name, policy] of lines) {
    if (option === '-P' && name) chains.set(name, { policy: policy === 'ACCEPT' ? 'accept' : 'drop', rules: [] });
    if (option === '-N' && name) chains.set(name, { rules: [] });
  }
  const names = new Set(chains.keys());
  for (const [option, name, ...words] of lines) {
    if (option === '-A' && name) chains.get(name)?.rules.push(parseRule(words, names));
  }
  return chains;
}
