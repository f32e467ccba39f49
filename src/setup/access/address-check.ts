/** Whether the relay could read the lists of addresses that were named, and whether they let anybody in. */
import { AddressListError, AddressSet } from '../../protocol/address-set.ts';
import { readAddressFile } from '../../relay/admission/address-rules.ts';
import { FileError } from '../../system/files.ts';
import { readPathParts } from '../../system/node-runtime.ts';
import { fileRule } from '../answers/documents.ts';
import type { Problem, Rule } from '../answers/problems.ts';
import { type Answers, questions } from '../answers/questions.ts';
import type { GivenAnswers } from '../answers/resolve.ts';
import { isReachable } from '../verification-check.ts';
import { chosenSource } from './address-source.ts';

/** How many ranges a file holds, or what is wrong with it. */
export type ListFileLook = { ranges: number; rule?: never } | { rule: Rule };

/** Looks at a file of addresses. @param asService the relay runs as a user of its own, who must be able to read it */
export async function lookAtListFile(path: string, asService: boolean): Promise<ListFileLook> {
  try {
    const ranges = await readAddressFile(path);
    if (asService && !isReachable(await readPathParts(path))) return { rule: { code: 'unreachable-by-relay' } };
    return { ranges: new AddressSet(ranges).ranges };
  } catch (error) {
    if (error instanceof FileError) return { rule: fileRule(error) };
    if (!(error instanceof AddressListError)) throw error;
    const { text, flaw } = error.cause;
    return { rule: { code: 'bad-address-line', line: error.line, text, flaw } };
  }
}

const LISTS = ['allowCidr', 'denyCidr'] as const;

/** Everything that is wrong with the files of both lists. @param asService the relay will run as a user of its own */
export async function checkAddressLists(
  answers: Pick<Answers, (typeof LISTS)[number]>,
  given: GivenAnswers,
  { asService }: { asService: boolean },
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const key of LISTS) {
    const source = chosenSource(answers[key]);
    if (source === null) continue;
    const { flag } = questions[key];
    const blame = { subject: given[key]?.subject ?? flag, flag };
    const looks = await Promise.all(
      source.files.map(async (path) => ({ path, ...(await lookAtListFile(path, asService)) })),
    );
    for (const { path, rule } of looks) if (rule !== undefined) problems.push({ ...blame, value: path, rule });
    const isEmpty = source.ranges.length === 0 && looks.every((look) => 'ranges' in look && look.ranges === 0);
    // An empty deny list keeps nobody out, and may be filled later.
    if (key === 'allowCidr' && isEmpty) {
      problems.push({ ...blame, value: source.files.join(', '), rule: { code: 'empty-address-list' } });
    }
  }
  return problems;
}
