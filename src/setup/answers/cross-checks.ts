/** Rules between answers, each of which is fine by itself. */
import { isIPv4, isIPv6 } from 'node:net';
import { isLetsEncrypt, LETS_ENCRYPT } from '../../cert/acme/directory.ts';
import { authorityName } from '../../cert/acme/obstacle.ts';
import { privateHost } from '../../cert/acme/private-host.ts';
import { lintRegionId } from '../../derp-map/lint.ts';
import { addressScope } from '../../system/network.ts';
import { chosenSource } from '../access/address-source.ts';
import type { Note } from './notes.ts';
import type { Problem, Rule } from './problems.ts';
import { type Answers, nginxEndsTls, type QuestionKey, questions } from './questions.ts';
import type { GivenAnswers, Resolution } from './resolve.ts';

function blame(key: QuestionKey, answers: Answers, given: GivenAnswers, rule: Rule): Problem {
  const { flag } = questions[key];
  return { subject: given[key]?.subject ?? flag, flag, value: String(answers[key]), rule };
}

/** What an earlier run or a derper leaves is no contradiction: the mode was changed on purpose. */
function isNamed(answer: GivenAnswers[QuestionKey]): boolean {
  return answer !== undefined && answer.source !== 'saved' && answer.source !== 'derper';
}

/** Certificate mode and files must go together. */
function certificateFiles(answers: Answers, { given, unusable }: Resolution): Problem[] {
  const files = ['certFile', 'keyFile'] as const;
  if (answers.cert === 'manual') {
    // Of a chain that is named, the key is looked for beside it.
    const missing =
      answers.certFile === undefined ? files.filter((key) => answers[key] === undefined && !unusable.has(key)) : [];
    if (missing.length === 0 || unusable.has('cert')) return [];
    return [blame('cert', answers, given, { code: 'needs', flags: missing.map((key) => questions[key].flag) })];
  }
  const named = files.filter((key) => isNamed(given[key]));
  return named.map((key) => blame(key, answers, given, { code: 'only-with', choice: '--cert manual' }));
}

/** What only an authority is told, what belongs together, and what Let's Encrypt would refuse anyway. */
function orders(answers: Answers, { given, unusable }: Resolution): Problem[] {
  const keys = ['email', 'acmeDirectory', 'acmeChallenge', 'eabKid', 'eabKeyFile'] as const;
  if (unusable.has('cert')) return [];
  if (answers.cert !== 'letsencrypt') {
    const named = keys.filter((key) => isNamed(given[key]));
    return named.map((key) => blame(key, answers, given, { code: 'only-with', choice: '--cert letsencrypt' }));
  }
  const problems: Problem[] = [];
  const pair = ['eabKid', 'eabKeyFile'] as const;
  const [missing] = pair.filter((key) => answers[key] === undefined && !unusable.has(key));
  const present = pair.find((key) => answers[key] !== undefined);
  if (missing && present) {
    problems.push(blame(present, answers, given, { code: 'needs', flags: [questions[missing].flag] }));
  }
  const obstacle = unusable.has('host') ? undefined : privateHost(answers.host, answers.acmeDirectory ?? LETS_ENCRYPT);
  if (obstacle) problems.push(blame('host', answers, given, obstacle));
  return problems;
}

/** What only nginx in front of the relay gives a meaning. */
function behindNginx(answers: Answers, { given, unusable }: Resolution): Problem[] {
  if (unusable.has('deploy')) return [];
  const only = (keys: readonly QuestionKey[], choice: string) =>
    keys.filter((key) => isNamed(given[key])).map((key) => blame(key, answers, given, { code: 'only-with', choice }));
  if (answers.deploy !== 'nginx-bypass') return only(['front', 'relayPort', 'sitesPort'], '--deploy nginx-bypass');
  if (!nginxEndsTls(answers)) return [];
  const isImpossible = answers.acmeChallenge === 'tls-alpn-01' && isNamed(given.acmeChallenge);
  return only(['sitesPort', ...(isImpossible ? (['acmeChallenge'] as const) : [])], '--front stream');
}

/** Where the host is an address, the derpMap's address of that family can be no other. */
function familyAddresses(answers: Answers, { given, unusable }: Resolution): Problem[] {
  const pairs = [
    ['ipv4', isIPv4],
    ['ipv6', isIPv6],
  ] as const;
  return pairs.flatMap(([key, isFamily]) => {
    const contradicts = isFamily(answers.host) && answers[key] !== undefined && answers[key] !== answers.host;
    if (!contradicts || unusable.has('host')) return [];
    return [blame(key, answers, given, { code: 'contradicts-host', host: answers.host })];
  });
}

/** Only a container is made of an image. An earlier run's stays named for the next container. */
function container(answers: Answers, { given, unusable }: Resolution): Problem[] {
  if (answers.deploy === 'compose' || unusable.has('deploy') || !isNamed(given.image)) return [];
  return [blame('image', answers, given, { code: 'only-with', choice: '--deploy compose' })];
}

/** Every contradiction. */
export function crossCheck(answers: Answers, resolution: Resolution): Problem[] {
  return [
    ...certificateFiles(answers, resolution),
    ...orders(answers, resolution),
    ...behindNginx(answers, resolution),
    ...familyAddresses(answers, resolution),
    ...container(answers, resolution),
  ];
}

/** What is allowed but worth a word. */
export function remarks(answers: Answers, given: GivenAnswers, savedPath: string): Note[] {
  const notes: Note[] = [];
  const kept = (Object.keys(given) as QuestionKey[]).filter((key) => given[key]?.source === 'saved');
  if (kept.length > 0) {
    notes.push({ code: 'answers-kept', path: savedPath, flags: kept.map((key) => questions[key].flag) });
  }
  const isRestricted = chosenSource(answers.allowCidr) !== null;
  if (answers.verify?.kind === 'none') notes.push({ code: isRestricted ? 'open-to-addresses' : 'open-relay' });
  const isAddress = isIPv4(answers.host) || isIPv6(answers.host);
  const scope = isAddress ? addressScope(answers.host) : 'global';
  if (scope !== 'global') notes.push({ code: 'local-host', host: answers.host, scope });
  const { acmeDirectory: directory = LETS_ENCRYPT } = answers;
  if (scope !== 'global' && answers.cert === 'letsencrypt' && !isLetsEncrypt(directory)) {
    notes.push({ code: 'order-for-private', host: answers.host, authority: authorityName(directory) });
  }
  for (const { rule } of lintRegionId(answers.regionId)) {
    if (rule === 'tailscale-region' || rule === 'outside-custom-range') {
      notes.push({ code: rule, regionId: answers.regionId });
    }
  }
  return notes;
}
