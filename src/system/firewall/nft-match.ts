/**
 * The conditions of nftables' rules, as `nft -j` prints them (libnftables-json(5)): what a stranger's first packet has
 * on the left side, and whether that is among what stands on the right.
 */
import { type Certainty, every, not, type Packet, some } from './ruleset.ts';

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Named sets and verdict maps of a table: their elements. */
export type NamedSets = ReadonlyMap<string, readonly Json[]>;

/** The member of an object; undefined when it is no object or has none. */
export function member(json: Json | undefined, name: string): Json | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json[name] : undefined;
}

/** The text at a member, or an empty one. */
export function textAt(json: Json | undefined, name: string): string {
  const value = member(json, name);
  return typeof value === 'string' ? value : '';
}

/** The list at a member, or an empty one. */
export function listAt(json: Json | undefined, name: string): Json[] {
  const value = member(json, name);
  return Array.isArray(value) ? value : [];
}

/**
 * What a packet has where a rule looks: `unmentioned`, a source address or a port that no rule is about;
 * `absent`, this kind of packet has no such field; `unknown`, packets of its kind differ there.
 */
export type Value =
  | { kind: 'known'; value: string | number }
  | { kind: 'several'; values: Value[] }
  | { kind: 'unmentioned' }
  | { kind: 'absent' }
  | { kind: 'unknown' };

const UNKNOWN: Value = { kind: 'unknown' };
const ABSENT: Value = { kind: 'absent' };
const UNMENTIONED: Value = { kind: 'unmentioned' };
const known = (value: string | number): Value => ({ kind: 'known', value });

/** Protocols above IP other than TCP and UDP, whose fields our packets do not have. */
const OTHER_PROTOCOLS = new Set(['icmp', 'icmpv6', 'igmp', 'sctp', 'dccp', 'udplite', 'esp', 'ah', 'comp', 'arp']);

function transportField(protocol: string, field: string, packet: Packet): Value {
  if (protocol !== 'th' && protocol !== packet.protocol) return ABSENT;
  if (field === 'dport') return packet.port === undefined ? UNMENTIONED : known(packet.port);
  return protocol === 'tcp' && field === 'flags' ? known('syn') : UNKNOWN;
}

function networkField(protocol: string, field: string, packet: Packet): Value {
  if (protocol !== (packet.family === 'ipv4' ? 'ip' : 'ip6')) return ABSENT;
  if (field === 'saddr') return UNMENTIONED;
  return field === 'protocol' || field === 'nexthdr' ? known(packet.protocol) : UNKNOWN;
}

function payloadField(payload: Json, packet: Packet): Value {
  const [protocol, field] = [textAt(payload, 'protocol'), textAt(payload, 'field')];
  if (OTHER_PROTOCOLS.has(protocol)) return ABSENT;
  if (protocol === 'ip' || protocol === 'ip6') return networkField(protocol, field, packet);
  return protocol === 'tcp' || protocol === 'udp' || protocol === 'th'
    ? transportField(protocol, field, packet)
    : UNKNOWN;
}

function metaValue(key: string, packet: Packet): Value {
  switch (key) {
    case 'l4proto':
      return known(packet.protocol);
    case 'nfproto':
      return known(packet.family);
    case 'protocol':
      return known(packet.family === 'ipv4' ? 'ip' : 'ip6');
    case 'iif':
    case 'iifname':
      return packet.interface === undefined ? UNKNOWN : known(packet.interface);
    case 'pkttype':
      return known('host');
    default:
      return UNKNOWN;
  }
}

/** `fib daddr type`: packets to this machine have a local destination. */
function fibValue(fib: Json): Value {
  const flags = member(fib, 'flags');
  const isDestination = flags === 'daddr' || (Array.isArray(flags) && flags.length === 1 && flags[0] === 'daddr');
  return isDestination && textAt(fib, 'result') === 'type' ? known('local') : UNKNOWN;
}

/** What the packet has where the expression looks. */
export function readValue(left: Json | undefined, packet: Packet): Value {
  const payload = member(left, 'payload');
  if (payload !== undefined) return payloadField(payload, packet);
  const meta = member(left, 'meta');
  if (meta !== undefined) return metaValue(textAt(meta, 'key'), packet);
  const ct = member(left, 'ct');
  if (ct !== undefined) return textAt(ct, 'key') === 'state' ? known('new') : UNKNOWN;
  const fib = member(left, 'fib');
  if (fib !== undefined) return fibValue(fib);
  const parts = listAt(left, 'concat');
  if (parts.length === 0) return UNKNOWN;
  const values = parts.map((part) => readValue(part, packet));
  return values.some(({ kind }) => kind === 'absent') ? ABSENT : { kind: 'several', values };
}

const PROTOCOL_NUMBERS: Record<string, number> = { tcp: 6, udp: 17 };

function equals(right: string | number | boolean, value: string | number): boolean {
  if (typeof right === 'string' && right.endsWith('*')) return String(value).startsWith(right.slice(0, -1));
  return right === value || (typeof right === 'number' && PROTOCOL_NUMBERS[value] === right);
}

/** Whether a value is among what stands on the right of a condition. */
export function contains(right: Json | undefined, value: Value, sets: NamedSets): Certainty {
  if (typeof right === 'string' && right.startsWith('@')) {
    const elements = sets.get(right.slice(1));
    return elements === undefined ? undefined : some(elements.map((element) => contains(element, value, sets)));
  }
  const several = Array.isArray(right) ? right : member(right, 'set');
  if (Array.isArray(several)) return some(several.map((element) => contains(element, value, sets)));
  // Elements of sets with a comment, a counter or a timeout stand in an object of their own.
  const element = member(member(right, 'elem'), 'val');
  if (element !== undefined) return contains(element, value, sets);

  if (value.kind === 'unknown') return undefined;
  if (value.kind === 'absent') return false;
  if (value.kind === 'several') {
    const parts = listAt(right, 'concat');
    return every(value.values.map((one, at) => contains(parts[at], one, sets)));
  }
  if (value.kind === 'unmentioned') return member(member(right, 'prefix'), 'len') === 0;
  const [from, to] = listAt(right, 'range');
  if (typeof from === 'number' && typeof to === 'number')
    return Number(value.value) >= from && Number(value.value) <= to;
  const isPlain = typeof right === 'string' || typeof right === 'number' || typeof right === 'boolean';
  return isPlain ? equals(right, value.value) : undefined;
}

const COMPARISONS: Record<string, (left: number, right: number) => boolean> = {
  '<': (left, right) => left < right,
  '>': (left, right) => left > right,
  '<=': (left, right) => left <= right,
  '>=': (left, right) => left >= right,
};

/** `tcp flags & (fin | syn | rst | ack) == syn`: of the packet that opens a connection only syn is set. */
function maskedFlags(left: Json | undefined, packet: Packet): Value | undefined {
  const [field, mask] = listAt(left, '&');
  if (field === undefined || mask === undefined) return undefined;
  const value = readValue(field, packet);
  if (value.kind !== 'known' || value.value !== 'syn') return value.kind === 'absent' ? value : UNKNOWN;
  const looked = Array.isArray(mask) ? mask : listAt(mask, '|').length > 0 ? listAt(mask, '|') : [mask];
  return known(looked.includes('syn') ? 'syn' : 'none');
}

/** Whether the packet fulfils a `match`. */
export function matches(match: Json, packet: Packet, sets: NamedSets): Certainty {
  const [left, right, op] = [member(match, 'left'), member(match, 'right'), textAt(match, 'op')];
  const masked = maskedFlags(left, packet);
  const value = masked ?? readValue(left, packet);
  // A rule about a field that the packet does not have passes it over, whatever it asks.
  if (value.kind === 'absent') return false;
  // Several flags at once are more than the first packet has.
  if (masked?.kind === 'known' && Array.isArray(right)) return op === '!=';
  if (op === '==' || op === 'in') return contains(right, value, sets);
  if (op === '!=') return not(contains(right, value, sets));
  const compare = COMPARISONS[op];
  if (compare === undefined || typeof right !== 'number') return undefined;
  return value.kind === 'known' && typeof value.value === 'number' ? compare(value.value, right) : undefined;
}

/** Whether a condition asks for the port by which a packet comes in. */
export function asksForPort(left: Json | undefined): boolean {
  return textAt(member(left, 'payload'), 'field') === 'dport' || listAt(left, 'concat').some(asksForPort);
}
