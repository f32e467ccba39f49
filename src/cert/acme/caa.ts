/** Whether DNS lets an authority issue for a name: CAA records (RFC 8659, RFC 8657). */
import type { CaaRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import type { ChallengeType } from './identifier.ts';

/** Records that keep the authority from issuing. */
export interface CaaObstacle {
  /** The name that has the records: the host, or a domain above it. */
  name: string;
  /** What its records allow; empty: nobody. */
  allowed: string[];
  /** The authority is allowed, but not by this challenge or account. */
  onlyByMethods?: string[];
}

/** The records of a name; undefined when it has none, `unknown` when the name servers do not say. */
export type CaaLookup = (name: string) => Promise<CaaRecord[] | undefined | 'unknown'>;

const TIMEOUT_MS = 3000;
const NONE = new Set(['ENODATA', 'ENOTFOUND']);

/** Asks this machine's name servers. */
export const lookUpCaa: CaaLookup = async (name) => {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
  try {
    const records = await resolver.resolveCaa(name);
    return records.length > 0 ? records : undefined;
  } catch (error) {
    return NONE.has((error as NodeJS.ErrnoException).code ?? '') ? undefined : 'unknown';
  }
};

/** An `issue` value: the authority, and the parameters behind semicolons. */
function parseIssue(value: string): { authority: string; methods: string[] | undefined } {
  const [authority = '', ...parameters] = value.split(';').map((part) => part.trim());
  const methods = parameters.map((part) => /^validationmethods\s*=\s*(.*)$/i.exec(part)?.[1]).find(Boolean);
  return { authority: authority.toLowerCase(), methods: methods?.split(',').map((method) => method.trim()) };
}

/** Judges the records of one name. */
export function judgeCaa(
  name: string,
  records: readonly CaaRecord[],
  identities: readonly string[],
  challenge: ChallengeType,
): CaaObstacle | undefined {
  const issues = records.flatMap(({ issue }) => (issue === undefined ? [] : [parseIssue(issue)]));
  // Records about other things, such as whom to tell, keep nobody out.
  if (issues.length === 0) return undefined;
  const own = issues.filter(({ authority }) => identities.includes(authority));
  if (own.some(({ methods }) => methods === undefined || methods.includes(challenge))) return undefined;
  const allowed = [...new Set(issues.map(({ authority }) => authority).filter((authority) => authority !== ''))];
  const onlyByMethods = own.flatMap(({ methods = [] }) => methods);
  return { name, allowed, ...(onlyByMethods.length > 0 && { onlyByMethods }) };
}

/** Looks from the name upwards for the first that has records, as authorities do; undefined when nothing is in the way. */
export async function checkCaa(
  host: string,
  identities: readonly string[],
  challenge: ChallengeType,
  look: CaaLookup = lookUpCaa,
): Promise<CaaObstacle | undefined> {
  // Without its own names it cannot be known which records mean this authority.
  if (identities.length === 0) return undefined;
  const labels = host.split('.');
  for (let at = 0; at < labels.length; at++) {
    const name = labels.slice(at).join('.');
    const records = await look(name);
    if (records === 'unknown') return undefined;
    if (records !== undefined) return judgeCaa(name, records, identities, challenge);
  }
  return undefined;
}
