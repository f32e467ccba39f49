/** What the rules of nftables are made of: the installed relay's lists, or those that somebody names. */
import { isIP } from 'node:net';
import type { NftInput } from '../../deploy/nft-script.ts';
import { type AddressRange, parseAddressRange } from '../../protocol/address-set.ts';
import { readRanges } from '../../relay/admission/address-rules.ts';
import type { AddressSource } from '../../relay/config.ts';
import type { Problem } from '../answers/problems.ts';
import type { GivenAnswers } from '../answers/resolve.ts';
import { OFF } from '../answers/values.ts';
import { type Installed, readValue, whereabouts } from '../status/installed.ts';
import { checkAddressLists } from './address-check.ts';
import { type AddressChoice, chosenSource } from './address-source.ts';

/** What was named; what is not comes from the installation. */
export interface NamedLists {
  allowCidr?: AddressChoice;
  denyCidr?: AddressChoice;
  derpPort?: number;
  stunPort?: number;
}

/** Where relays listen, of which nothing else is known. */
const USUAL = { derp: 443, stun: 3478 };

function withOwn(ranges: AddressRange[], own: readonly string[]): AddressRange[] {
  return [...ranges, ...own.map(parseAddressRange)];
}

/** The addresses by which clients are told to dial the relay. */
function ownAddresses(installed: Installed | undefined): string[] {
  const where = installed && whereabouts(installed);
  if (where === undefined) return [];
  return [where.host, ...where.addresses].filter((text) => isIP(text) > 0);
}

/** What the rules are made of, and what is to be said about them. */
export interface NftLists {
  input: NftInput;
  /** The port of DERP where it is left alone, as not only clients come to it. */
  sharedPort: number | undefined;
  /** The port of DERP where the authority comes by it, whom the relay itself lets in for that moment. */
  authorityPort: number | undefined;
}

/** Whether the certificate is ordered by tls-alpn-01: because that was asked for, or there is no plain HTTP port. */
function ordersByDerpPort({ answers, relay }: Installed): boolean {
  const given = readValue(answers)?.given;
  if (given?.cert?.value !== 'letsencrypt') return false;
  const challenge = given.acmeChallenge?.value;
  return challenge === undefined ? readValue(relay)?.httpPort === OFF : challenge === 'tls-alpn-01';
}

/**
 * Reads the lists. Where one is named, the installed one does not matter, but who dials the relay's own address is let in.
 * @throws RelayStartError when a file has become unusable since it was checked
 */
export async function readNftInput(
  named: NamedLists,
  installed: Installed | undefined,
): Promise<NftLists | { problems: Problem[] }> {
  const settings = installed && readValue(installed.relay);
  const where = installed && whereabouts(installed);
  const isNamed = named.allowCidr !== undefined || named.denyCidr !== undefined;
  const lists: Record<'allowCidr' | 'denyCidr', AddressSource | null> = isNamed
    ? { allowCidr: chosenSource(named.allowCidr), denyCidr: chosenSource(named.denyCidr) }
    : { allowCidr: settings?.allowCidr ?? null, denyCidr: settings?.denyCidr ?? null };
  if (lists.allowCidr === null && lists.denyCidr === null) {
    return { problems: [{ subject: '--allow-cidr', flag: '--allow-cidr', rule: { code: 'needs-address-list' } }] };
  }
  const answers = { allowCidr: lists.allowCidr ?? undefined, denyCidr: lists.denyCidr ?? undefined };
  const problems = await checkAddressLists(answers, {} as GivenAnswers, { asService: false });
  if (problems.length > 0) return { problems };
  const [allow, deny] = await Promise.all(
    [lists.allowCidr, lists.denyCidr].map(async (source) => (source === null ? undefined : readRanges(source))),
  );
  // On a port that something else has, visitors of others come too.
  const isShared = settings?.behind.derp === true && named.derpPort === undefined;
  const derpPort = named.derpPort ?? where?.ports.derp ?? USUAL.derp;
  return {
    sharedPort: isShared ? derpPort : undefined,
    authorityPort: !isShared && installed !== undefined && ordersByDerpPort(installed) ? derpPort : undefined,
    input: {
      allow: allow && withOwn(allow, ownAddresses(installed)),
      deny,
      derpPort: isShared ? OFF : derpPort,
      stunPort: named.stunPort ?? where?.ports.stun ?? USUAL.stun,
      proxies: settings?.proxyProtocolFrom ?? [],
      installed: !isNamed && named.derpPort === undefined && named.stunPort === undefined,
    },
  };
}
