/** Reads the output of `nft -j list ruleset` (libnftables-json(5)). */
import {
  asksForPort,
  contains,
  type Json,
  listAt,
  matches,
  member,
  type NamedSets,
  readValue,
  textAt,
} from './nft-match.ts';
import type { Action, Chain, Packet, Rule } from './ruleset.ts';

/** A rule with what is needed to name it in a command. */
export interface NftRule extends Rule {
  readonly handle: number;
  readonly comment: string;
  readonly expressions: readonly Json[];
}

export interface NftChain extends Chain {
  readonly rules: readonly NftRule[];
  /** It is handed packets to this machine by the kernel, and decides what becomes of them. */
  readonly filtersInput: boolean;
}

/** A table: chains can only jump to others of the same one. */
export interface NftTable {
  readonly family: string;
  readonly name: string;
  readonly chains: ReadonlyMap<string, NftChain>;
}

type Effect = { action: Action; namesPort: boolean };

/** Statements that end a rule's way for the packet, or send it elsewhere. */
function parseVerdict(statement: Json): Action | undefined {
  if (member(statement, 'accept') !== undefined) return { kind: 'accept' };
  if (member(statement, 'drop') !== undefined || member(statement, 'reject') !== undefined) return { kind: 'drop' };
  if (member(statement, 'return') !== undefined) return { kind: 'return' };
  for (const kind of ['jump', 'goto'] as const) {
    const target = textAt(member(statement, kind), 'target');
    if (target) return { kind, chain: target };
  }
  return undefined;
}

/** Statements that let every packet go on to the next statement. */
const PASSING = ['counter', 'log', 'mangle', 'set', 'map', 'notrack', 'flow', 'meter', 'last', 'continue'];

/** A verdict map: the verdict of the first entry that surely has the packet's value. */
function mapEffect(vmap: Json, packet: Packet, sets: NamedSets): Effect | undefined {
  const key = member(vmap, 'key');
  const data = member(vmap, 'data');
  const entries = typeof data === 'string' ? sets.get(data.replace(/^@/, '')) : listAt(data, 'set');
  const value = readValue(key, packet);
  for (const entry of entries ?? []) {
    const [wanted, verdict] = Array.isArray(entry) ? entry : [];
    const certainty = contains(wanted, value, sets);
    if (certainty === undefined) return undefined;
    const action = certainty && verdict !== undefined ? parseVerdict(verdict) : undefined;
    if (action) return { action, namesPort: asksForPort(key) };
  }
  return undefined;
}

/** What a rule's statements, one after the other, surely do with the packet. */
function effectOf(expressions: readonly Json[], packet: Packet, sets: NamedSets): Effect | undefined {
  let namesPort = false;
  for (const statement of expressions) {
    const match = member(statement, 'match');
    if (match !== undefined) {
      if (matches(match, packet, sets) !== true) return undefined;
      namesPort ||= asksForPort(member(match, 'left')) && textAt(match, 'op') !== '!=';
      continue;
    }
    const vmap = member(statement, 'vmap');
    if (vmap !== undefined) {
      const effect = mapEffect(vmap, packet, sets);
      return effect && { ...effect, namesPort: namesPort || effect.namesPort };
    }
    const action = parseVerdict(statement);
    if (action) return { action, namesPort };
    // Limits, quotas and whatever else there is let only some packets go on.
    if (!PASSING.some((name) => member(statement, name) !== undefined)) return undefined;
  }
  return undefined;
}

function parseRule(rule: Json, sets: NamedSets): NftRule {
  const expressions = listAt(rule, 'expr');
  return {
    handle: Number(member(rule, 'handle')),
    comment: textAt(rule, 'comment'),
    expressions,
    effectOn: (packet) => effectOf(expressions, packet, sets),
  };
}

interface GrowingTable {
  family: string;
  name: string;
  sets: Map<string, readonly Json[]>;
  chains: Map<string, NftChain & { rules: NftRule[] }>;
}

/** The tables of the families that see packets to this machine. @throws SyntaxError when the text is no JSON */
export function parseNftRuleset(text: string): NftTable[] {
  const objects = listAt(JSON.parse(text) as Json, 'nftables');
  const tables = new Map<string, GrowingTable>();
  const tableOf = (json: Json, name = textAt(json, 'table')): GrowingTable => {
    const family = textAt(json, 'family');
    const key = `${family} ${name}`;
    const table = tables.get(key) ?? { family, name, sets: new Map(), chains: new Map() };
    tables.set(key, table);
    return table;
  };
  for (const object of objects) {
    const set = member(object, 'set') ?? member(object, 'map');
    if (set !== undefined) tableOf(set).sets.set(textAt(set, 'name'), listAt(set, 'elem'));
    const chain = member(object, 'chain');
    if (chain !== undefined) {
      const filtersInput = textAt(chain, 'hook') === 'input' && textAt(chain, 'type') === 'filter';
      const policy = textAt(chain, 'policy') === 'drop' ? 'drop' : 'accept';
      const base = textAt(chain, 'hook') ? ({ policy } as const) : {};
      tableOf(chain).chains.set(textAt(chain, 'name'), { ...base, filtersInput, rules: [] });
    }
    const rule = member(object, 'rule');
    if (rule !== undefined) {
      const { chains, sets } = tableOf(rule);
      chains.get(textAt(rule, 'chain'))?.rules.push(parseRule(rule, sets));
    }
  }
  return [...tables.values()].filter(({ family }) => ['inet', 'ip', 'ip6'].includes(family));
}
