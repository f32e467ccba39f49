/** Rules of nftables that somebody has written, in tables that belong to no other program. */
import { member, textAt } from './nft-match.ts';
import { type NftChain, type NftTable, parseNftRuleset } from './nft-rules.ts';
import { type Decision, decide, type Packet, stateBy } from './ruleset.ts';
import { COMMENT, combinedState, type Firewall, type FirewallAccess, type Opening, outputOf } from './types.ts';

/** The files that the service nftables reads at boot: Debian's and Red Hat's. */
const RULES_FILES = ['/etc/nftables.conf', '/etc/sysconfig/nftables.conf'];

/** A chain that the kernel hands packets to, for one of the families that it sees. */
interface Entrance {
  table: NftTable;
  chain: string;
  family: Packet['family'];
}

const FAMILIES: Record<string, readonly Packet['family'][]> = { inet: ['ipv4', 'ipv6'], ip: ['ipv4'], ip6: ['ipv6'] };

function entrancesOf(tables: readonly NftTable[]): Entrance[] {
  return tables.flatMap((table) =>
    [...table.chains]
      .filter(([, { filtersInput }]) => filtersInput)
      .flatMap(([chain]) => (FAMILIES[table.family] ?? []).map((family) => ({ table, chain, family }))),
  );
}

/** Whether the kernel's newer rules are also what iptables reads and writes here. */
async function isSharedWithIptables(access: FirewallAccess): Promise<boolean> {
  const [version = '', rules] = await Promise.all([
    outputOf(access, 'iptables', '-V'),
    outputOf(access, 'iptables', '-w', '5', '-S'),
  ]);
  return version.includes('nf_tables') && rules !== undefined;
}

/** Chains that other programs keep: iptables' own, which it reads itself, and firewalld's. */
function isOthers({ table, chain }: Entrance, sharedWithIptables: boolean): boolean {
  const isIptables = table.family !== 'inet' && table.name === 'filter' && chain === 'INPUT';
  return table.name === 'firewalld' || (isIptables && sharedWithIptables);
}

const chainWords = ({ table }: Entrance, chain: string) => [table.family, table.name, chain];

/** Lets the port in right before the rule that keeps it out, so that everything before that one still counts. */
function openCommand(entrance: Entrance, { chain, index }: Decision, { protocol, port }: Opening): string[] {
  const before = index === undefined ? undefined : entrance.table.chains.get(chain)?.rules[index];
  const place = before
    ? ['insert', 'rule', ...chainWords(entrance, chain), 'handle', String(before.handle)]
    : ['add', 'rule', ...chainWords(entrance, chain)];
  return ['nft', ...place, protocol, 'dport', String(port), 'accept', 'comment', COMMENT];
}

/** Whether a rule is the one that `openCommand` adds. */
function isOurs({ comment, expressions }: NftChain['rules'][number], { protocol, port }: Opening): boolean {
  const [first, last] = expressions;
  const match = member(first, 'match');
  const payload = member(member(match, 'left'), 'payload');
  const isPort = textAt(payload, 'protocol') === protocol && textAt(payload, 'field') === 'dport';
  const accepts = member(last, 'accept') !== undefined && expressions.length === 2;
  return comment === COMMENT && accepts && isPort && member(match, 'right') === port;
}

function closeCommands({ family, name, chains }: NftTable, opening: Opening): string[][] {
  return [...chains].flatMap(([chain, { rules }]) =>
    rules
      .filter((rule) => isOurs(rule, opening))
      .map(({ handle }) => ['nft', 'delete', 'rule', family, name, chain, 'handle', String(handle)]),
  );
}

/** The tables, or undefined when nft is not there, may not be used, or is too old to print JSON. */
async function readTables(access: FirewallAccess): Promise<NftTable[] | undefined> {
  const text = await outputOf(access, 'nft', '-j', 'list', 'ruleset');
  try {
    return text === undefined ? undefined : parseNftRuleset(text);
  } catch {
    return undefined;
  }
}

/** The rules as they are; undefined when they cannot be read. */
export async function readNftables(access: FirewallAccess): Promise<Firewall | undefined> {
  const tables = await readTables(access);
  if (tables === undefined) return undefined;
  const shared = await isSharedWithIptables(access);
  const entrances = entrancesOf(tables).filter((entrance) => !isOthers(entrance, shared));
  const present = await Promise.all(RULES_FILES.map((path) => access.exists(path)));
  const rulesFile = RULES_FILES.find((_path, at) => present[at]);
  const decisionOn = ({ table, chain, family }: Entrance, protocol: Opening['protocol'], port: number | undefined) =>
    decide(table.chains, chain, { family, protocol, port, interface: access.outerInterface });
  return {
    tool: 'nftables',
    inForce: entrances.some((entrance) =>
      (['tcp', 'udp'] as const).some((protocol) => decisionOn(entrance, protocol, undefined).verdict === 'drop'),
    ),
    // The file is somebody's own text; rules are not written into it from here.
    lasting: false,
    ...(rulesFile ? { rulesFile } : {}),
    stateOf: ({ protocol, port }) =>
      combinedState(entrances.map((entrance) => stateBy(decisionOn(entrance, protocol, port)))),
    openCommands: (openings) => {
      const commands = entrances.flatMap((entrance) =>
        openings.flatMap((opening) => {
          const decision = decisionOn(entrance, opening.protocol, opening.port);
          return decision.verdict === 'drop' ? [openCommand(entrance, decision, opening)] : [];
        }),
      );
      // A rule of a table for both families is found wanting for each of them.
      return [...new Map(commands.map((command) => [command.join(' '), command])).values()];
    },
    closeCommands: (openings) =>
      tables.flatMap((table) => openings.flatMap((opening) => closeCommands(table, opening))),
  };
}
