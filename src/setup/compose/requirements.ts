/** What Docker must be able to do before the relay can run in a container of it. */
import { userInfo } from 'node:os';
import { directoryFor, isMountable } from '../../deploy/compose/mounts.ts';
import { type Layout, RELAY_CONTAINER, RELAY_USER } from '../../deploy/layout.ts';
import { composeProject } from '../../deploy/steps.ts';
import { type ContainerState, containerState } from '../../system/containers.ts';
import { CommandError } from '../../system/processes.ts';
import { findUser, freeSystemId } from '../../system/users.ts';
import { chosenSource } from '../access/address-source.ts';
import type { Problem, Rule } from '../answers/problems.ts';
import { type Answers, type QuestionKey, questions } from '../answers/questions.ts';
import type { Facts } from '../facts.ts';

/** What the engine, or its Compose, lacks; undefined when nothing is. */
export function engineRule({ docker, machine }: Pick<Facts, 'docker' | 'machine'>, user: string): Rule | undefined {
  if (docker === undefined) return { code: 'needs-docker' };
  if (docker.confined) return { code: 'docker-confined' };
  if (docker.denied) return { code: 'docker-denied', user };
  // Whoever may not use it, may not start it either, and is told of root anyway.
  if (!docker.usable) return machine.isRoot ? { code: 'docker-stopped' } : undefined;
  return docker.compose === undefined ? { code: 'needs-compose' } : undefined;
}

/** Whether somebody else's container has the name of ours. */
export function nameRule(found: ContainerState | undefined, layout: Layout): Rule | undefined {
  if (found === undefined) return undefined;
  const { projectDirectory, image } = found;
  if (projectDirectory === composeProject(layout.composeDirectory).directory) return undefined;
  return {
    code: 'container-name-taken',
    image,
    ...(projectDirectory !== undefined && { project: projectDirectory }),
  };
}

/** The answers that name files which the relay reads while it runs. */
export type FileAnswers = Pick<Answers, 'verify' | 'allowCidr' | 'denyCidr'>;

function namedFiles({ verify, allowCidr, denyCidr }: FileAnswers): { key: QuestionKey; file: string }[] {
  const files = {
    verify: [verify?.kind === 'keys' ? verify.file : verify?.kind === 'tailscaled' ? verify.socket : undefined],
    allowCidr: chosenSource(allowCidr)?.files ?? [],
    denyCidr: chosenSource(denyCidr)?.files ?? [],
  };
  return Object.entries(files).flatMap(([key, paths]) =>
    paths.flatMap((file) => (file === undefined ? [] : [{ key: key as QuestionKey, file }])),
  );
}

/** The files that a container can be given by their directory only, which must not be one that the image has too. */
export function mountProblems(answers: FileAnswers, layout: Layout): Problem[] {
  return namedFiles(answers).flatMap(({ key, file }) => {
    const directory = directoryFor(file, layout);
    if (directory === undefined || isMountable(directory)) return [];
    const { flag } = questions[key];
    return [{ subject: flag, flag, value: file, rule: { code: 'directory-not-mountable', directory } as const }];
  });
}

/** What is wrong with the answers for a container, on whichever machine. */
export async function checkComposeAnswers(answers: FileAnswers, layout: Layout): Promise<Problem[]> {
  const problems = mountProblems(answers, layout);
  if ((await findUser(RELAY_USER)) === undefined && (await freeSystemId()) === undefined)
    problems.push({ subject: RELAY_USER, rule: { code: 'no-system-id' } });
  return problems;
}

/** Looks at this machine's Docker. */
export async function checkEngine(facts: Facts, layout: Layout): Promise<Problem[]> {
  const { flag } = questions.deploy;
  const rule = engineRule(facts, userInfo().username);
  if (rule !== undefined) return [{ subject: flag, flag, value: 'compose', rule }];
  if (facts.docker?.usable !== true) return [];
  try {
    const taken = nameRule(await containerState(RELAY_CONTAINER), layout);
    return taken === undefined ? [] : [{ subject: RELAY_CONTAINER, rule: taken }];
  } catch (error) {
    // It has just answered, and does not any more.
    if (!(error instanceof CommandError)) throw error;
    return [{ subject: flag, flag, value: 'compose', rule: { code: 'docker-stopped' } }];
  }
}
