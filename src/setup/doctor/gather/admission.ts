/** Asks those who decide who may use the relay, with the relay's own questions. */
import { randomBytes } from 'node:crypto';
import { parsePublicKey } from '../../../protocol/keys.ts';
import { AdmissionUrl } from '../../../relay/admission/admission-url.ts';
import { loadKeyList } from '../../../relay/admission/key-list.ts';
import { type AdmissionSource, QuestionError } from '../../../relay/admission/source.ts';
import { Tailscaled } from '../../../relay/admission/tailscaled.ts';
import type { AdmissionRules } from '../../../relay/config.ts';
import { RelayStartError } from '../../../relay/start-error.ts';
import { readPathParts } from '../../../system/node-runtime.ts';
import { findTailscaled } from '../../../system/tailscaled.ts';
import { isReachable } from '../../verification-check.ts';
import type { AdmissionFacts, TailnetNode } from '../facts.ts';

/** Asks, and closes the connection; a question without an answer gives the reason. */
async function ask<T>(source: AdmissionSource, question: () => Promise<T>): Promise<T | { detail: string }> {
  try {
    return await question();
  } catch (error) {
    if (error instanceof QuestionError) return { detail: error.message };
    throw error;
  } finally {
    source.close();
  }
}

async function gatherTailscaled(socket: string): Promise<NonNullable<AdmissionFacts['tailscaled']>> {
  const found = await findTailscaled([socket]);
  if (found === undefined) return { state: 'absent', version: undefined, detail: undefined };
  const source = new Tailscaled(socket);
  const answer = await ask(source, () => source.check());
  const detail = answer === undefined ? undefined : answer.detail;
  return { state: found.state ?? (detail === undefined ? 'running' : 'silent'), version: found.version, detail };
}

async function gatherUrl(url: string): Promise<NonNullable<AdmissionFacts['url']>> {
  if (!URL.canParse(url)) return { url, detail: 'it is no URL' };
  const source = new AdmissionUrl(new URL(url));
  // A key that nobody has: whoever admits it admits everybody.
  const answer = await ask(source, () => source.ask({ key: randomBytes(32), address: '127.0.0.1' }));
  if ('detail' in answer) return { url, detail: answer.detail };
  return { url, answer: answer.allow ? 'admits' : 'refuses' };
}

async function gatherKeyList(
  path: string,
  nodes: readonly TailnetNode[],
): Promise<NonNullable<AdmissionFacts['keyFile']>> {
  try {
    const keys = await loadKeyList(path);
    const parts = await readPathParts(path).catch(() => undefined);
    const leftOut = nodes.filter(({ key }) => !keys.has(parsePublicKey(key)));
    return { path, keys: keys.size, reachable: parts === undefined || isReachable(parts), leftOut };
  } catch (error) {
    if (error instanceof RelayStartError) return { path, detail: error.message };
    throw error;
  }
}

/** Everything that the rules name. @param nodes those of this machine's tailnet, as far as they are known */
export async function gatherAdmission(
  rules: AdmissionRules | null | undefined,
  nodes: readonly TailnetNode[] = [],
): Promise<AdmissionFacts> {
  const [tailscaled, url, keyFile] = await Promise.all([
    rules?.tailscaled && gatherTailscaled(rules.tailscaled.socket),
    rules?.url && gatherUrl(rules.url.url),
    rules?.keyFile === undefined ? undefined : gatherKeyList(rules.keyFile, nodes),
  ]);
  return { ...(tailscaled && { tailscaled }), ...(url && { url }), ...(keyFile && { keyFile }) };
}
