import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../src/system/firewall/nft-match.ts';
import { parseNftRuleset } from '../../../src/system/firewall/nft-rules.ts';
import { decide, type Packet, stateBy } from '../../../src/system/firewall/ruleset.ts';

/** What nft 1.0.6 printed. */
const text = readFileSync(new URL('fixtures/nft-ruleset.txt', import.meta.url), 'utf8');

const packet = (port: number | undefined, more: Partial<Packet> = {}): Packet => ({
  family: 'ipv4',
  protocol: 'tcp',
  port,
  interface: 'eth0',
  ...more,
});

describe('parseNftRuleset', () => {
  const tables = parseNftRuleset(text);
  const table = tables.find(({ family }) => family === 'inet')!;
  const state = (port: number | undefined, more: Partial<Packet> = {}) =>
    stateBy(decide(table.chains, 'input', packet(port, more)));

  it('knows the chains that decide about what comes in', () => {
    const input = tables.flatMap(({ family, name, chains }) =>
      [...chains].filter(([, { filtersInput }]) => filtersInput).map(([chain]) => `${family} ${name} ${chain}`),
    );
    expect(input).toEqual(['inet filter input']);
    expect(table.chains.get('input')?.policy).toBe('drop');
  });

  it('keeps what names a rule in a command', () => {
    const rules = table.chains.get('input')!.rules;
    expect(rules.map(({ comment }) => comment).filter(Boolean)).toEqual(['derp-setup', "somebody else's"]);
    expect(rules.every(({ handle }) => Number.isInteger(handle))).toBe(true);
  });

  it.each([22, 80, 8005, 443, 4430, 7000, 7003])('finds %i open', (port) => {
    expect(state(port)).toBe('open');
  });

  it.each([9000, 7009, 7020, 8011, undefined])('finds %s closed', (port) => {
    expect(state(port)).toBe('closed');
  });

  it.each([7001, 7030])('finds %i refused', (port) => {
    expect(state(port)).toBe('refused');
  });

  it('tells protocols apart', () => {
    expect([443, 4430, 22, 80].map((port) => state(port, { protocol: 'udp' }))).toEqual([
      ...['open', 'open', 'closed', 'closed'],
    ]);
  });

  it('finds the rule that turns the rest away', () => {
    const decision = decide(table.chains, 'input', packet(undefined));
    const rules = table.chains.get('input')!.rules;
    expect(decision).toMatchObject({ verdict: 'drop', chain: 'input', index: rules.length - 1, namesPort: false });
  });
});

/** What one rule does before a policy that keeps everything out. */
function withRule(expressions: readonly Json[], more: Partial<Packet> = {}, port: number | null = 443) {
  const place = { family: 'inet', table: 't' };
  const objects = [
    { metainfo: { version: '1.0.6' } },
    { table: { family: 'inet', name: 't' } },
    { set: { ...place, name: 'ports', type: 'inet_service', elem: [80, { elem: { val: 443, comment: 'x' } }] } },
    {
      map: { ...place, name: 'ways', type: 'inet_service', map: 'verdict', elem: [[443, { jump: { target: 'yes' } }]] },
    },
    { chain: { ...place, name: 'in', type: 'filter', hook: 'input', prio: 0, policy: 'drop' } },
    { chain: { ...place, name: 'yes' } },
    { rule: { ...place, chain: 'in', handle: 1, expr: expressions } },
    { rule: { ...place, chain: 'yes', handle: 2, expr: [{ accept: null }] } },
  ];
  const [table] = parseNftRuleset(JSON.stringify({ nftables: objects }));
  return stateBy(decide(table!.chains, 'in', packet(port ?? undefined, more)));
}

const accept = { accept: null };
const field = (protocol: string, name: string) => ({ payload: { protocol, field: name } });
const match = (left: Json, right: Json, op = '==') => ({ match: { op, left, right } });
const dport = (right: Json, op = '==') => match(field('tcp', 'dport'), right, op);

describe('a rule opens a port', () => {
  it.each<[string, Json[]]>([
    ['everything', [accept]],
    ['the port', [dport(443), accept]],
    ['a named set', [dport('@ports'), accept]],
    ['a named verdict map', [{ vmap: { key: field('tcp', 'dport'), data: '@ways' } }]],
    ['everybody', [match(field('ip', 'saddr'), { prefix: { addr: '0.0.0.0', len: 0 } }), dport(443), accept]],
    [
      'all but some',
      [match(field('ip', 'saddr'), { prefix: { addr: '192.0.2.0', len: 24 } }, '!='), dport(443), accept],
    ],
    ['a number for TCP', [match({ meta: { key: 'l4proto' } }, 6), accept]],
    ['above a port', [dport(442, '>'), accept]],
    ['the flags of a first packet', [match({ '&': [field('tcp', 'flags'), { '|': ['syn', 'ack'] }] }, 'syn'), accept]],
    ['what passes every packet on', [{ counter: null }, { log: null }, dport(443), { mangle: {} }, accept]],
  ])('%s', (_what, expressions) => {
    expect(withRule(expressions)).toBe('open');
  });
});

describe('a rule does not open a port', () => {
  it.each<[string, Json[]]>([
    ['no verdict', [dport(443), { counter: null }]],
    ['a limit', [{ limit: { rate: 10, per: 'second' } }, dport(443), accept]],
    ['a limit of connections', [dport(443), { 'ct count': { val: 10 } }, accept]],
    ['some', [match(field('ip', 'saddr'), { prefix: { addr: '192.0.2.0', len: 24 } }), dport(443), accept]],
    ['a set that is not there', [dport('@missing'), accept]],
    ['a verdict map that is not there', [{ vmap: { key: field('tcp', 'dport'), data: '@missing' } }]],
    ['the source port', [match(field('tcp', 'sport'), 443), accept]],
    ['a mark', [match({ meta: { key: 'mark' } }, 1), accept]],
    ['all but a mark', [match({ meta: { key: 'mark' } }, 1, '!='), accept]],
    ['another protocol', [match(field('icmp', 'type'), 'echo-request', '!='), accept]],
    ['the other family', [match(field('ip6', 'saddr'), '2001:db8::1', '!='), accept]],
    ['a module of iptables', [{ xt: { type: 'match', name: 'multiport' } }, accept]],
    ['several flags at once', [match({ '&': [field('tcp', 'flags'), ['syn', 'ack']] }, ['syn', 'ack']), accept]],
    ['a chain that is not there', [dport(443), { jump: { target: 'missing' } }]],
    ['nonsense', ['x', 1, null, [], { match: null }, accept]],
  ])('%s', (_what, expressions) => {
    expect(withRule(expressions)).toBe('closed');
  });

  it('when the interface that strangers come in by is not known', () => {
    const rule = [match({ meta: { key: 'iifname' } }, 'eth0'), accept];
    expect(withRule(rule)).toBe('open');
    expect(withRule(rule, { interface: undefined })).toBe('closed');
  });

  it('when no rule is about its number', () => {
    expect(withRule([dport({ range: [0, 65_535] }), accept], {}, null)).toBe('closed');
    expect(withRule([dport(443, '!='), accept], {}, null)).toBe('open');
  });
});

describe('rules that are no rules', () => {
  it.each(['null', '[]', '{}', '{"nftables": null}', '{"nftables": [null, 1, {"rule": null}, {"chain": 5}]}'])(
    'are passed over: %s',
    (json) => {
      expect(parseNftRuleset(json)).toEqual([]);
    },
  );

  it('are refused when they are no JSON', () => {
    expect(() => parseNftRuleset('table inet')).toThrow(SyntaxError);
  });
});
