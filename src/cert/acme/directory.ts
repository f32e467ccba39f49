/** What a certificate authority's directory says of it (RFC 8555, 7.1.1), and what that means for an order. */
import type { AcmeIdentifier } from './identifier.ts';

/** Let's Encrypt's directories. What the second one issues is trusted by nobody. */
export const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';
export const LETS_ENCRYPT_STAGING = 'https://acme-staging-v02.api.letsencrypt.org/directory';

/** The profile without which Let's Encrypt issues for no address: about six days. */
const ADDRESS_PROFILE = 'shortlived';

/** A directory, as far as it matters here. */
export interface AcmeDirectory {
  newOrder: string;
  /** Where to ask when to renew (RFC 9773), if the authority tells. */
  renewalInfo: string | undefined;
  /** Names and descriptions of its profiles; empty where it has none. */
  profiles: Record<string, string>;
  /** Accounts must be bound to one that the authority knows already. */
  externalAccountRequired: boolean;
  /** What CAA records name when they mean this authority. */
  caaIdentities: string[];
}

/** Whether a directory is one of Let's Encrypt's own. */
export function isLetsEncrypt(url: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  return host === 'letsencrypt.org' || host.endsWith('.api.letsencrypt.org');
}

/** Where an order can be tried without a trusted certificate at its end; undefined where that is not known. */
export function stagingOf(url: string): string | undefined {
  return isLetsEncrypt(url) ? LETS_ENCRYPT_STAGING : undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isHttps = (value: unknown): value is string =>
  typeof value === 'string' && URL.canParse(value) && new URL(value).protocol === 'https:';

function texts(value: unknown): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, typeof text === 'string' ? text : '']));
}

/** Reads the answer of a directory's URL; undefined when it is none. */
export function parseDirectory(text: string): AcmeDirectory | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(json) || ![json.newNonce, json.newAccount, json.newOrder].every(isHttps)) return undefined;
  const meta = isObject(json.meta) ? json.meta : {};
  const { caaIdentities } = meta;
  return {
    newOrder: json.newOrder as string,
    renewalInfo: isHttps(json.renewalInfo) ? json.renewalInfo : undefined,
    profiles: texts(meta.profiles),
    externalAccountRequired: meta.externalAccountRequired === true,
    caaIdentities: Array.isArray(caaIdentities) ? caaIdentities.filter((name) => typeof name === 'string') : [],
  };
}

/** The profile to order: for addresses the short-lived one, where there is one; otherwise the authority's usual one. */
export function chooseProfile(
  { type }: AcmeIdentifier,
  { profiles }: Pick<AcmeDirectory, 'profiles'>,
): string | undefined {
  return type === 'ip' && Object.hasOwn(profiles, ADDRESS_PROFILE) ? ADDRESS_PROFILE : undefined;
}
