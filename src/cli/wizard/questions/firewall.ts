import { isInstalledTarget } from '../../../deploy/target.ts';
import { openingsText } from '../../lines/step-texts.ts';
import { BACK } from '../prompter.ts';
import type { WizardQuestion } from '../question.ts';

/** Whether to let clients in through this machine's own firewall. */
export const firewallQuestion: WizardQuestion = {
  id: 'firewall',
  givenBy: ({ switches }) => (switches.openFirewall ? '--open-firewall' : undefined),

  async applies({ answers, facts, onMachine, switches }, { lookups }) {
    // A relay in the foreground changes nothing but its own files.
    if (!isInstalledTarget(answers.deploy) || !onMachine || switches.noStart || facts.firewall === undefined)
      return false;
    return (await lookups.closedFirewall(answers)) !== undefined;
  },

  async ask({ answers, facts }, { prompter, lookups, messages }) {
    const { firewall: text } = messages.wizard;
    const { closed = [], refused = [], commands = [] } = (await lookups.closedFirewall(answers)) ?? {};
    const { tool = '', lasting = true } = facts.firewall ?? {};
    const openFirewall = await prompter.select({
      message: text.ask(tool, openingsText(closed)),
      info: commands,
      warnings: lasting ? [] : [text.notLasting],
      options: [
        {
          value: true,
          name: text.open,
          disabled: refused.length > 0 ? text.refused(openingsText(refused)) : undefined,
        },
        { value: false, name: text.leave, note: text.leaveNote },
      ],
    });
    return openFirewall === BACK ? BACK : { texts: {}, switches: { openFirewall } };
  },

  async tell({ answers, facts, switches }, { lookups, messages }) {
    const { firewall: text } = messages.wizard;
    const { tool = '' } = facts.firewall ?? {};
    const { closed = [] } = (await lookups.closedFirewall(answers)) ?? {};
    if (switches.openFirewall) return { value: text.tellOpen(tool, openingsText(closed)) };
    return { value: text.tellClosed(tool), note: text.leaveNote, doubtful: true };
  },
};
