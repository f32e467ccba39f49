/** Rules that were made with iptables and ip6tables, by hand or by a provider's image. */
import { type IptablesChain, parseIptablesRules } from './iptables-rules.ts';
import { type Decision, decide, type Packet, stateBy } from './ruleset.ts';
import { COMMENT, combinedState, type Firewall, type FirewallAccess, type Opening, outputOf } from './types.ts';

const INPUT = 'INPUT';

/** The rules of one family. */
export interface IptablesFamily {
  command: 'iptables' | 'ip6tables';
  family: Packet['family'];
  chains: ReadonlyMap<string, IptablesChain>;
}

/** The filter tables of both families, as far as this user may read them. */
export async function readIptables(access: FirewallAccess): Promise<IptablesFamily[]> {
  const families = [
    { command: 'iptables', family: 'ipv4' },
    { command: 'ip6tables', family: 'ipv6' },
  ] as const;
  const found = await Promise.all(
    families.map(async ({ command, family }): Promise<IptablesFamily[]> => {
      const text = await outputOf(access, command, '-w', '5', '-S');
      return text === undefined ? [] : [{ command, family, chains: parseIptablesRules(text) }];
    }),
  );
  return found.flat();
}

/** Waits for others who change rules at the same moment, for so many seconds. */
const WAIT = ['-w', '5'];

function ruleWords({ protocol, port }: Opening): string[] {
  const match = ['-p', protocol, '-m', protocol, '--dport', String(port)];
  return [...match, '-m', 'comment', '--comment', COMMENT, '-j', 'ACCEPT'];
}

/** Lets the port in right before the rule that keeps it out, so that everything before that one still counts. */
function openCommand({ command }: IptablesFamily, { chain, index }: Decision, opening: Opening): string[] {
  const place = index === undefined ? ['-A', chain] : ['-I', chain, String(index + 1)];
  return [command, ...WAIT, ...place, ...ruleWords(opening)];
}

function closeCommands({ command, chains }: IptablesFamily, opening: Opening): string[][] {
  const wanted = JSON.stringify(ruleWords(opening));
  return [...chains].flatMap(([chain, { rules }]) =>
    rules
      .filter(({ words }) => JSON.stringify(words) === wanted)
      .map(() => [command, ...WAIT, '-D', chain, ...ruleWords(opening)]),
  );
}

/** Other programs' chains: ufw's, and those of a firewalld that uses iptables. Their owners are the ones to ask. */
export const isUfwChain = (name: string): boolean => /^ufw6?-/.test(name);
const isFirewalldChain = (name: string) => name === 'INPUT_ZONES';

/** Whether a chain of another program is jumped to from the chain of incoming packets. */
export function inputLeadsTo({ chains }: IptablesFamily, isTheirs: (chain: string) => boolean): boolean {
  const words = chains.get(INPUT)?.rules.flatMap((rule) => rule.words) ?? [];
  return words.some((word, at) => (words[at - 1] === '-j' || words[at - 1] === '-g') && isTheirs(word));
}

/** Whether packets that no rule is about are kept out, by a rule or policy that is no other program's. */
export function shutsByItself(family: IptablesFamily, outerInterface: string | undefined): boolean {
  if (inputLeadsTo(family, isFirewalldChain)) return false;
  return (['tcp', 'udp'] as const).some((protocol) => {
    const packet = { family: family.family, protocol, port: undefined, interface: outerInterface };
    const { verdict, chain, index } = decide(family.chains, INPUT, packet);
    const isUfws = isUfwChain(chain) || (index === undefined && inputLeadsTo(family, isUfwChain));
    return verdict === 'drop' && !isUfws;
  });
}

/** How rules are kept across a reboot: the commands that write down what is in force. */
async function findSaver(access: FirewallAccess): Promise<string[][]> {
  if (await access.exists('/usr/share/netfilter-persistent/plugins.d/15-ip4tables')) {
    return [['netfilter-persistent', 'save']];
  }
  const scripts = ['/usr/libexec/iptables/iptables.init', '/usr/libexec/iptables/ip6tables.init'];
  if (!(await access.exists(scripts[0]!))) return [];
  // The scripts come with services that read the rules at boot, if they are enabled.
  const enabled = await outputOf(access, 'systemctl', 'is-enabled', 'iptables.service');
  return enabled?.trim() === 'enabled' ? scripts.map((script) => [script, 'save']) : [];
}

/** The rules as they are; undefined when they cannot be read. */
export async function readIptablesFirewall(access: FirewallAccess): Promise<Firewall | undefined> {
  const families = await readIptables(access);
  if (families.length === 0) return undefined;
  const savers = await findSaver(access);
  const decisionOn = ({ family, chains }: IptablesFamily, { protocol, port }: Opening) =>
    decide(chains, INPUT, { family, protocol, port, interface: access.outerInterface });
  const andSave = (commands: string[][]) => (commands.length > 0 ? [...commands, ...savers] : []);
  return {
    tool: 'iptables',
    inForce: families.some((family) => shutsByItself(family, access.outerInterface)),
    lasting: savers.length > 0,
    stateOf: (opening) => combinedState(families.map((family) => stateBy(decisionOn(family, opening)))),
    openCommands: (openings) =>
      andSave(
        families.flatMap((family) =>
          openings
            .map((opening) => ({ opening, decision: decisionOn(family, opening) }))
            .filter(({ decision }) => decision.verdict === 'drop')
            .map(({ opening, decision }) => openCommand(family, decision, opening)),
        ),
      ),
    closeCommands: (openings) =>
      andSave(families.flatMap((family) => openings.flatMap((opening) => closeCommands(family, opening)))),
  };
}
