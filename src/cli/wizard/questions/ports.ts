import { type Answers, questions } from '../../../setup/answers/questions.ts';
import { OFF } from '../../../setup/answers/values.ts';
import type { PortChoice } from '../../../setup/ports.ts';
import type { PortProtocol } from '../../../system/ports.ts';
import { noteText } from '../../lines/note-lines.ts';
import type { PortKey } from '../lookups.ts';
import { BACK, type Back } from '../prompter.ts';
import {
  type Draft,
  givenByAll,
  judgeText,
  type Situation,
  sentenceOf,
  type WizardQuestion,
  type WizardTools,
} from '../question.ts';

const PORT_KEYS: readonly PortKey[] = ['derpPort', 'stunPort', 'httpPort'];
const PROTOCOLS: Record<PortKey, PortProtocol> = { derpPort: 'tcp', stunPort: 'udp', httpPort: 'tcp' };

/** Where to look for a port to offer when the usual one is taken. */
const ALTERNATIVES: Record<PortKey, number> = { derpPort: 8443, stunPort: 3479, httpPort: 8080 };

type Ports = Pick<Answers, PortKey>;

/** `DERP 443 · STUN 3478 · HTTP off`. */
export function portsLine(ports: Ports, { labels, off }: WizardTools['messages']['wizard']['ports']): string {
  return PORT_KEYS.map((key) => `${labels[key]} ${ports[key] === OFF ? off : ports[key]}`).join(' · ');
}

/** What stands in the way of one port, in a sentence. */
function problemOf(key: PortKey, { problems }: PortChoice, { messages }: WizardTools): string | undefined {
  const problem = problems.find(({ flag }) => flag === questions[key].flag);
  return problem && sentenceOf(problem.rule, problem.value, messages);
}

/** Asks for one port; what is typed is tried at once. */
async function askPort(
  key: PortKey,
  ports: Ports,
  named: readonly PortKey[],
  situation: Situation,
  tools: WizardTools,
): Promise<number | Back> {
  const { prompter, lookups, messages } = tools;
  const settle = (port: number) =>
    lookups.settlePorts({ ...situation.answers, ...ports, [key]: port }, situation.switches, [...named, key]);
  const usable = problemOf(key, await settle(ports[key]), tools) === undefined;
  const offered = usable ? ports[key] : await lookups.findFreePort(PROTOCOLS[key], ALTERNATIVES[key]);
  const typed = await prompter.input({
    message: messages.wizard.ports.askOne[key],
    ...(offered !== undefined && { offered: String(offered) }),
    judge: async (text) => {
      const wrong = judgeText(key, text, messages);
      if (wrong !== undefined) return wrong;
      const parsed = questions[key].parse(text);
      return parsed.ok ? problemOf(key, await settle(parsed.value), tools) : undefined;
    },
  });
  if (typed === BACK) return BACK;
  const parsed = questions[key].parse(typed);
  return parsed.ok ? parsed.value : ports[key];
}

/** Asks for those of the ports that are not given; Escape goes back one, and before the first out of here. */
async function askPorts(ports: Ports, situation: Situation, tools: WizardTools): Promise<Draft['texts'] | Back> {
  const open = PORT_KEYS.filter((key) => !situation.fixed.has(key));
  const chosen = { ...ports };
  for (let at = 0; at < open.length; ) {
    const key = open[at]!;
    const port = await askPort(key, chosen, open.slice(0, at), situation, tools);
    if (port === BACK) {
      if (at === 0) return BACK;
      at--;
      continue;
    }
    chosen[key] = port;
    at++;
  }
  return Object.fromEntries(open.map((key) => [key, String(chosen[key])]));
}

/** The ports: kept with Enter as long as they can be had. */
export const portsQuestion: WizardQuestion = {
  id: 'ports',
  givenBy: givenByAll(PORT_KEYS),
  applies: () => true,

  async ask(situation, tools) {
    const { answers, switches, fixed } = situation;
    const { prompter, lookups, messages } = tools;
    const { ports: text, keep, change } = messages.wizard;
    for (;;) {
      const settled = await lookups.settlePorts(answers, switches, []);
      const ports = { ...answers, ...settled.ports };
      const blocked = PORT_KEYS.filter((key) => !fixed.has(key)).map((key) => problemOf(key, settled, tools));
      const warnings = blocked.filter((problem) => problem !== undefined);
      const keepable = warnings.length === 0;
      const choice = await prompter.keys({
        message: text.ask,
        value: portsLine(ports, text),
        info: settled.notes.map((note) => noteText(note, messages)),
        warnings,
        options: [
          ...(keepable ? [{ key: 'k', name: keep, value: false }] : []),
          { key: 'c', name: change, value: true },
        ],
      });
      if (choice === BACK) return BACK;
      // What nobody changed stays a default, which follows the target and the machine.
      if (!choice) return { texts: keptTexts(situation) };
      const texts = await askPorts(ports, situation, tools);
      if (texts !== BACK) return { texts };
    }
  },

  async tell({ answers, switches }, { lookups, messages }) {
    const { ports } = await lookups.settlePorts(answers, switches, []);
    return { value: portsLine({ ...answers, ...ports }, messages.wizard.ports) };
  },
};

/** The ports that were chosen before, at a first visit to the question. */
function keptTexts({ answers, fixed }: Situation): Draft['texts'] {
  const open = PORT_KEYS.filter((key) => !fixed.has(key));
  return Object.fromEntries(open.map((key) => [key, String(answers[key])]));
}
