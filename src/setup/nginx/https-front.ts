/** The part of a plan that has nginx end TLS for the relay's host, and ask the relay in plain HTTP. Changes nothing. */
import { isIPv6 } from 'node:net';
import { dirname } from 'node:path';
import type { NginxChange } from '../../deploy/nginx/bypass-steps.ts';
import { NginxSyntaxError } from '../../deploy/nginx/directives.ts';
import { nginxHttpsConfig } from '../../deploy/nginx/https-config.ts';
import { type EndTlsObstacle, judgeHttpsPort } from '../../deploy/nginx/https-port.ts';
import type { NginxObstacle } from '../../deploy/nginx/obstacle.ts';
import type { RelayFront } from '../../deploy/relay-description.ts';
import { publicFileStep } from '../../deploy/steps.ts';
import type { Templates } from '../../deploy/systemd-units.ts';
import { kindOf } from '../../system/files.ts';
import { readTemplates } from '../../system/package.ts';
import type { Note } from '../answers/notes.ts';
import type { Problem, Rule } from '../answers/problems.ts';
import { questions } from '../answers/questions.ts';
import type { Resolved } from '../answers/resolved.ts';
import type { NginxLook } from './gather.ts';

/** Nobody but nginx connects to the relay from here. */
const PROXY_SOURCE = '127.0.0.2';

/** What is known already. */
export interface EndTlsParts {
  look: NginxLook | NginxObstacle;
  /** What of the running nginx is in the way. */
  running: NginxObstacle | undefined;
  /** Where the relay listens, and what is wrong with that. */
  relay: { port: number; problem?: Problem };
  /** What an earlier run did otherwise, taken back. */
  takenBack: NginxChange | undefined;
}

/** What becomes of nginx. */
export interface EndTlsChoice {
  problems: Problem[];
  notes: Note[];
  ports: { relayPort?: number };
  front?: RelayFront;
  change?: NginxChange;
}

function problemOf(rule: Rule): Problem {
  return { subject: questions.front.flag, flag: questions.front.flag, value: 'http', rule };
}

const cannot = (obstacle: EndTlsObstacle): Problem => problemOf({ code: 'nginx-cannot-end-tls', obstacle });

/** Where our server block goes, and on what it listens. */
async function placeIn(
  { files }: NginxLook,
  { answers: { host, derpPort: port }, facts }: Pick<Resolved, 'answers' | 'facts'>,
): Promise<{ file: string; listens: string[] } | { problem: Problem }> {
  try {
    const hasIpv6 = facts.addresses.some(({ address }) => isIPv6(address));
    const verdict = judgeHttpsPort(files, { host, port, hasIpv6 });
    if ('reason' in verdict) return { problem: cannot(verdict) };
    for (const file of verdict.places) {
      if ((await kindOf(dirname(file))) === 'directory') return { file, listens: verdict.listens };
    }
    return { problem: cannot({ reason: 'no-include' }) };
  } catch (error) {
    if (!(error instanceof NginxSyntaxError)) throw error;
    const { file, line, message } = error;
    return { problem: problemOf({ code: 'nginx-unread', problem: message, file, line }) };
  }
}

/** Plans the server block, or says why there can be none. */
export async function chooseEndOfTls(resolved: Resolved, parts: EndTlsParts): Promise<EndTlsChoice> {
  const { answers, layout } = resolved;
  const { look, running, relay, takenBack } = parts;
  const nothing: EndTlsChoice = { problems: [], notes: [], ports: {} };
  if ('code' in look) return { ...nothing, problems: [problemOf(look)] };
  const place = await placeIn(look, resolved);
  const problems = [running && problemOf(running), relay.problem, 'problem' in place ? place.problem : undefined];
  const told = problems.filter((problem) => problem !== undefined);
  if (told.length > 0 || 'problem' in place) return { ...nothing, problems: told };
  const [certFile, keyFile] = [layout.certificate(answers.host), layout.certificateKey(answers.host)];
  const content = nginxHttpsConfig((await readTemplates()) as unknown as Templates, {
    host: answers.host,
    listens: place.listens,
    relayPort: relay.port,
    proxyFrom: PROXY_SOURCE,
    certFile,
    keyFile,
  });
  const change: NginxChange = {
    before: takenBack?.before ?? [],
    after: [
      publicFileStep('nginx-config', place.file, content),
      { kind: 'nginx', reloadFor: [place.file, certFile, keyFile] },
      ...(takenBack?.after ?? []),
    ],
  };
  return {
    problems: [],
    notes: [{ code: 'tls-ends-in-nginx', file: place.file }],
    ports: { relayPort: relay.port },
    front: { derpPort: relay.port, forwardedFrom: PROXY_SOURCE },
    change,
  };
}
