import { isIP } from 'node:net';
import { questions } from '../../../setup/answers/questions.ts';
import type { HostReach } from '../../../setup/host-check.ts';
import { addressScope } from '../../../system/network.ts';
import { BACK } from '../prompter.ts';
import {
  givenByAll,
  judgeText,
  type Situation,
  type Told,
  type WizardQuestion,
  type WizardTools,
} from '../question.ts';

/** Where the host leads; an address needs no look-up, a name may take a moment. */
function lookUp(host: string, { lookups, messages, whileBusy }: WizardTools): Promise<HostReach> {
  const work = lookups.checkHost(host);
  return isIP(host) > 0 ? work : whileBusy(messages.wizard.host.looking(host), work);
}

/** Behind a provider's NAT a machine has private addresses only, and its public one is nowhere to be seen. */
function isBehindNat({ facts }: Situation): boolean {
  return facts.addresses.every(({ scope }) => scope !== 'global');
}

/** What clients dial. */
export const hostQuestion: WizardQuestion = {
  id: 'host',
  givenBy: givenByAll(['host']),
  applies: () => true,

  async ask(situation, tools) {
    const { prompter, messages } = tools;
    const { host: text } = messages.wizard;
    let offered = situation.answers.host;
    for (;;) {
      const typed = await prompter.input({
        message: text.ask,
        offered,
        judge: async (answer) => {
          const wrong = judgeText('host', answer, messages);
          const host = questions.host.parse(answer);
          // Looked up while the question is still open: its answer is remembered.
          if (wrong === undefined && host.ok) await tools.lookups.checkHost(host.value);
          return wrong;
        },
      });
      if (typed === BACK) return BACK;
      const parsed = questions.host.parse(typed);
      if (!parsed.ok) continue;
      const host = parsed.value;
      const reach = await lookUp(host, tools);
      const likely = reach.leads === 'here' || (reach.leads === 'elsewhere' && isBehindNat(situation));
      if (likely || !situation.onMachine) return { texts: { host } };
      const isAddress = isIP(host) > 0;
      const use = await prompter.select({
        message: reach.leads === 'nowhere' ? text.unresolved(host) : text.elsewhere(host, reach.addresses, isAddress),
        info: [reach.leads === 'nowhere' ? text.unresolvedInfo : text.elsewhereInfo],
        options: [
          { value: false, name: text.another },
          { value: true, name: text.useIt, note: reach.leads === 'nowhere' ? text.useUnresolved : text.useElsewhere },
        ],
      });
      if (use === true) return { texts: { host } };
      offered = host;
    }
  },

  async tell(situation, tools): Promise<Told> {
    const { host } = situation.answers;
    const { host: text } = tools.messages.wizard;
    if (!situation.onMachine) return { value: host };
    const reach = await lookUp(host, tools);
    const isAddress = isIP(host) > 0;
    if (reach.leads === 'nowhere') return { value: host, note: text.tellUnresolved, doubtful: true };
    if (reach.leads === 'elsewhere') {
      const nat = isBehindNat(situation);
      return { value: host, note: nat ? text.tellNat : text.tellElsewhere(isAddress), doubtful: !nat };
    }
    const scope = isAddress ? addressScope(host) : 'global';
    if (scope !== 'global') return { value: host, note: text.tellScope[scope], doubtful: true };
    return { value: host, note: isAddress ? text.tellAddress : text.tellName };
  },
};
