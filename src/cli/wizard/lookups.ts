/** What questions find out on the machine while they are asked. Nothing is changed. */

import { openingsOf } from '../../deploy/installed-files.ts';
import { layoutBelow } from '../../deploy/layout.ts';
import type { Opening } from '../../deploy/steps.ts';
import { isInstalledTarget } from '../../deploy/target.ts';
import { fileRule } from '../../setup/answers/documents.ts';
import type { Problem, Rule } from '../../setup/answers/problems.ts';
import { type Answers, questions } from '../../setup/answers/questions.ts';
import type { GivenAnswers } from '../../setup/answers/resolve.ts';
import type { Resolved } from '../../setup/answers/resolved.ts';
import type { SetupSwitches } from '../../setup/answers/switches.ts';
import { chooseManualCertificate } from '../../setup/certificate/certificate.ts';
import { parseChain } from '../../setup/certificate/pair.ts';
import { derperName } from '../../setup/derper/naming.ts';
import { type StopRefusal, stopRefusal } from '../../setup/derper/stop.ts';
import { type TakeOver, takeOver } from '../../setup/derper/take-over.ts';
import { takenAnswers } from '../../setup/derper/taken-answers.ts';
import { checkHost, type HostReach } from '../../setup/host-check.ts';
import { choosePorts, type PortChoice } from '../../setup/ports.ts';
import { portPolicy } from '../../setup/targets.ts';
import { checkVerification } from '../../setup/verification-check.ts';
import { FileError, kindOf, readText } from '../../system/files.ts';
import { closedPorts, refusedPorts, ruleCommands } from '../../system/firewall.ts';
import { findFreePort, type PortProtocol } from '../../system/ports.ts';
import type { Texts } from './texts.ts';

export type PortKey = 'derpPort' | 'httpPort' | 'stunPort';

/** What of the machine's firewall stands in the relay's way. */
export interface ClosedFirewall {
  closed: readonly Opening[];
  /** Those of them that somebody has closed on purpose, which only that person opens again. */
  refused: readonly Opening[];
  /** What opens it. */
  commands: readonly string[];
}

/** The derper that was found, and what of it can be gone on with. */
export interface FoundDerper {
  name: string;
  takeOver: TakeOver;
  /** Why it would not be stopped. */
  refusal: StopRefusal | undefined;
  /** What becomes of its settings. */
  answers: Texts;
}

/** What can be looked up. */
export interface WizardLookups {
  checkHost(host: string): Promise<HostReach>;
  /** Settles the ports as the plan will; `named` are those that somebody asked for. */
  settlePorts(answers: Answers, switches: SetupSwitches, named: readonly PortKey[]): Promise<PortChoice>;
  findFreePort(protocol: PortProtocol, start: number): Promise<number | undefined>;
  /** Undefined when no firewall stands in the way. */
  closedFirewall(answers: Answers): Promise<ClosedFirewall | undefined>;
  /** The first of the paths that is a file. */
  firstFile(paths: readonly string[]): Promise<string | undefined>;
  judgeChain(certFile: string): Promise<Rule | undefined>;
  judgePair(answers: Answers, certFile: string, keyFile: string): Promise<readonly Problem[]>;
  judgeKeyList(answers: Answers, file: string): Promise<Rule | undefined>;
  findDerper(): Promise<FoundDerper | undefined>;
}

/** What looks depend on beside what was resolved. */
export interface LookupInput {
  environment: Record<string, string | undefined>;
  now: Date;
}

/** The text of a file, or the rule that it breaks. */
async function readOr(path: string): Promise<{ text: string } | { rule: Rule }> {
  try {
    return { text: await readText(path) };
  } catch (error) {
    if (error instanceof FileError) return { rule: fileRule(error) };
    throw error;
  }
}

/** Remembers the answer for each text: going back and forth must not take the same time again. */
function remembered<T>(look: (text: string) => Promise<T>): (text: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (text) => {
    const answer = known.get(text) ?? look(text);
    known.set(text, answer);
    return answer;
  };
}

/** The look-ups on this machine. */
export function createLookups(resolved: Resolved, { environment, now }: LookupInput): WizardLookups {
  const { facts, resolution } = resolved;
  const { derper, firewall } = facts;
  let found: Promise<FoundDerper | undefined> | undefined;
  return {
    checkHost: remembered((host) => checkHost(host, facts.addresses)),

    settlePorts: async (answers, switches, named) => {
      const given: GivenAnswers = { ...resolution.given };
      for (const key of named) given[key] = { value: answers[key], source: 'prompt', subject: questions[key].flag };
      const policy = await portPolicy({ ...resolved, answers }, switches);
      return choosePorts(answers, { given, problems: [], unusable: new Set() }, policy);
    },

    findFreePort,

    closedFirewall: async (answers) => {
      if (firewall === undefined) return undefined;
      const closed = await closedPorts(firewall, openingsOf(answers));
      if (closed.length === 0) return undefined;
      const refused = refusedPorts(firewall, closed);
      return { closed, refused, commands: ruleCommands(firewall, closed).map((command) => command.join(' ')) };
    },

    firstFile: async (paths) => {
      for (const path of paths) if ((await kindOf(path).catch(() => 'missing')) === 'file') return path;
      return undefined;
    },

    judgeChain: async (certFile) => {
      const file = await readOr(certFile);
      if ('rule' in file) return file.rule;
      return parseChain(file.text) ? undefined : { code: 'not-a-certificate' };
    },

    judgePair: async ({ host, deploy }, certFile, keyFile) => {
      const use = { environment, now, copied: isInstalledTarget(deploy) };
      return (await chooseManualCertificate({ host, certFile, keyFile }, {}, use)).problems;
    },

    judgeKeyList: async ({ deploy }, file) => {
      const [problem] = await checkVerification({ kind: 'keys', file }, { asService: isInstalledTarget(deploy) });
      return problem?.rule;
    },

    findDerper: () => {
      const look = async () => {
        if (derper === undefined) return undefined;
        const [taken, refusal] = await Promise.all([takeOver(derper, now), stopRefusal(derper)]);
        const name = derperName(derper);
        // Only a service of this machine takes a derper's place.
        const { values } = takenAnswers(taken, name, layoutBelow('/'));
        const answers = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
        return { name, takeOver: taken, refusal, answers };
      };
      found ??= look();
      return found;
    },
  };
}
