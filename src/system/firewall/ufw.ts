/** Ubuntu's firewall: rules by its own command, judged by what they have become in the kernel. */
import { type IptablesFamily, inputLeadsTo, isUfwChain, readIptables, shutsByItself } from './iptables.ts';
import { type IptablesChain, splitWords } from './iptables-rules.ts';
import { decide, stateBy } from './ruleset.ts';
import { COMMENT, combinedState, type Firewall, type FirewallAccess, type Opening, outputOf } from './types.ts';

const INPUT = 'INPUT';

/** Whether `ufw status` says that it is in use. */
export function isUfwActive(status: string): boolean {
  return /^Status: active$/m.test(status);
}

/** The rules that ufw was told, each in words without the `ufw`, from the output of `ufw show added`. */
export function parseUfwRules(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('ufw '));
  return lines.map((line) => splitWords(line.replaceAll("'", '"')).slice(1));
}

/** What ufw alone does: the rules of its own chains, and the policy, which it sets. */
function ownChains({ chains }: IptablesFamily): ReadonlyMap<string, IptablesChain> {
  const input = chains.get(INPUT);
  const rules = input?.rules.filter(({ words }) => words[0] === '-j' && isUfwChain(words[1] ?? '')) ?? [];
  return new Map([...chains, [INPUT, { ...input, rules }]]);
}

const allowWords = ({ protocol, port }: Opening) => ['allow', `${port}/${protocol}`];

/** ufw's rules as they are; undefined when it is not installed, or this user may not use it. */
export async function readUfwFirewall(access: FirewallAccess): Promise<Firewall | undefined> {
  const status = await outputOf(access, 'ufw', 'status');
  if (status === undefined) return undefined;
  const [added = '', everyFamily] = await Promise.all([outputOf(access, 'ufw', 'show', 'added'), readIptables(access)]);
  const rules = parseUfwRules(added);
  // It can be told to leave IPv6 alone.
  const families = everyFamily.filter((family) => inputLeadsTo(family, isUfwChain));
  const stateOf = ({ protocol, port }: Opening) =>
    combinedState(
      families.map((family) => {
        const packet = { family: family.family, protocol, port, interface: access.outerInterface };
        return stateBy(decide(ownChains(family), INPUT, packet));
      }),
    );
  return {
    tool: 'ufw',
    // Rules before its own may turn everything away that reaches them, as on some providers' images.
    inForce: isUfwActive(status) && !families.some((family) => shutsByItself(family, access.outerInterface)),
    lasting: true,
    stateOf,
    openCommands: (openings) =>
      openings
        .filter((opening) => stateOf(opening) !== 'open')
        .map((opening) => ['ufw', ...allowWords(opening), 'comment', COMMENT]),
    closeCommands: (openings) =>
      openings
        .filter((opening) => {
          const wanted = JSON.stringify([...allowWords(opening), 'comment', COMMENT]);
          return rules.some((words) => JSON.stringify(words) === wanted);
        })
        .map((opening) => ['ufw', 'delete', ...allowWords(opening)]),
  };
}
