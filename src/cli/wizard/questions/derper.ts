import { isInstalledTarget } from '../../../deploy/target.ts';
import type { TakeOver } from '../../../setup/derper/take-over.ts';
import type { Messages } from '../../messages/en.ts';
import { BACK } from '../prompter.ts';
import type { WizardQuestion } from '../question.ts';
import { unsuitable } from './target.ts';

/** What is taken over, and what is lost, line by line. */
export function takeOverLines(
  { host, ports, relayKey, certificate, notCarriedOver, gaps, scheduled }: TakeOver,
  { wizard }: Messages,
): { info: string[]; warnings: string[] } {
  const { derper: text } = wizard;
  const { derp, stun, http } = ports;
  const list = [
    derp !== undefined ? `${derp}/tcp` : '',
    stun !== undefined && stun > 0 ? `${stun}/udp` : '',
    http !== undefined && http > 0 ? `${http}/tcp` : '',
  ].filter((port) => port !== '');
  const taken = [
    ...(host === undefined ? [] : [text.takesHost(host)]),
    ...(list.length === 0 ? [] : [text.takesPorts(list.join(', '))]),
    ...(relayKey === undefined ? [] : [text.takesKey]),
    ...(certificate === undefined ? [] : [text.takesCertificate(certificate.notAfter.toISOString().slice(0, 10))]),
  ];
  const parts = [...new Set(gaps.map(({ part }) => part))].map((part) => text.gaps[part]);
  return {
    info: [text.takes(taken)],
    warnings: [
      ...(parts.length === 0 ? [] : [text.lacks(parts)]),
      ...(notCarriedOver.length === 0 ? [] : [text.drops(notCarriedOver)]),
      ...scheduled.map(({ file, line }) => text.scheduled(file, line)),
    ],
  };
}

/** Whether to take the place of the derper that was found. */
export const derperQuestion: WizardQuestion = {
  id: 'derper',
  givenBy: ({ switches }) => (switches.takeOver ? '--take-over' : undefined),

  applies({ facts, onMachine, fixed, answers, switches }) {
    if (facts.derper === undefined || !onMachine || switches.noStart) return false;
    // Only what stays takes a derper's place.
    if (fixed.has('deploy')) return isInstalledTarget(answers.deploy);
    return (['systemd', 'compose'] as const).some((target) => unsuitable(target, facts, onMachine) === undefined);
  },

  async ask(_, { prompter, lookups, messages, whileBusy }) {
    const { derper: text } = messages.wizard;
    const found = await whileBusy(text.looking, lookups.findDerper());
    if (found === undefined) return { texts: {}, switches: { takeOver: false } };
    const { name, refusal } = found;
    const lines = takeOverLines(found.takeOver, messages);
    const takeOver = await prompter.select({
      message: text.ask(name),
      ...lines,
      options: [
        { value: true, name: text.take, note: text.takeNote, disabled: refusal && text.refusals[refusal.code] },
        { value: false, name: text.leave, note: text.leaveNote },
      ],
    });
    if (takeOver === BACK) return BACK;
    return { texts: {}, switches: { takeOver }, ...(takeOver && { offers: found.answers }) };
  },

  async tell({ switches }, { lookups, messages }) {
    const { derper: text } = messages.wizard;
    const { name = '' } = (await lookups.findDerper()) ?? {};
    if (switches.takeOver) return { value: text.tellTaken(name), note: text.takeNote };
    return { value: text.tellLeft(name), note: text.leaveNote };
  },
};
