import { DEPLOY_TARGETS, type DeployTarget } from '../../../deploy/target.ts';
import type { Facts } from '../../../setup/facts.ts';
import type { NginxFacts } from '../../../setup/nginx/facts.ts';
import { BACK } from '../prompter.ts';
import { givenByAll, type WizardQuestion } from '../question.ts';

/** Why a target cannot be had. */
export type Unsuitable =
  | 'no-root'
  | 'no-systemd'
  | 'no-docker'
  | 'no-compose'
  | 'docker-snap'
  | 'docker-denied'
  | 'docker-stopped'
  | NginxReason;

type NginxReason = 'no-nginx' | `nginx-${NonNullable<NginxFacts['lacks']>}`;

/** What the machine lacks for a target; undefined when it can be chosen. */
export function unsuitable(
  target: DeployTarget,
  { machine, docker, nginx }: Facts,
  onMachine: boolean,
): Unsuitable | undefined {
  // For another machine files can be written whatever this one is like, but only nginx itself tells what it serves.
  if (target === 'nginx-bypass' && !onMachine) return 'no-nginx';
  if (target === 'foreground' || !onMachine) return undefined;
  if (target === 'compose') {
    if (docker === undefined) return 'no-docker';
    if (docker.confined) return 'docker-snap';
    if (docker.denied) return 'docker-denied';
    if (!machine.isRoot) return 'no-root';
    if (!docker.usable) return 'docker-stopped';
    return docker.compose === undefined ? 'no-compose' : undefined;
  }
  if (!machine.isRoot) return 'no-root';
  if (machine.systemd === undefined) return 'no-systemd';
  if (target !== 'nginx-bypass') return undefined;
  if (nginx === undefined) return 'no-nginx';
  return nginx.lacks && `nginx-${nginx.lacks}`;
}

/** What runs the relay. */
export const targetQuestion: WizardQuestion = {
  id: 'target',
  givenBy: givenByAll(['deploy']),
  applies: () => true,

  async ask({ answers, facts, onMachine }, { prompter, messages }) {
    const { ask, names, notes, sharesWith, unsuitable: reasons } = messages.wizard.target;
    const options = DEPLOY_TARGETS.map((target) => {
      const why = unsuitable(target, facts, onMachine);
      const reason = why && reasons[why];
      const sites = target === 'nginx-bypass' ? (facts.nginx?.sites ?? []) : [];
      const note = sites.length > 0 ? sharesWith(sites) : notes[target];
      return { value: target, name: names[target], note, disabled: reason };
    });
    const possible = options.find(({ value, disabled }) => value === answers.deploy && disabled === undefined);
    const deploy = await prompter.select({ message: ask, options, preselected: possible?.value });
    return deploy === BACK ? BACK : { texts: { deploy } };
  },

  tell({ answers }, { messages }) {
    return { value: messages.wizard.target.names[answers.deploy] };
  },
};
