/** The lists of addresses: files that the relay reads again, and that somebody may have spoilt since. */
import type { AddressListFact, DoctorFacts } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';

function judgeList({ path, rule }: AddressListFact): Finding[] {
  if (rule === undefined) return [];
  // It goes on with what it has read, but cannot start again.
  if (rule.code === 'unreachable-by-relay') return [failed('address-list-unreachable', { path })];
  return [failed('address-list-bad', { problem: { subject: path, rule } })];
}

export function judgeAddresses({ addressLists, nftRules, relay }: DoctorFacts): Finding[] {
  const found = addressLists.flatMap(judgeList);
  if (nftRules === 'stale') found.push(warning('nft-rules-stale', { isListed: true }));
  // Whoever the relay would let in is dropped before it.
  if (nftRules === 'without-lists') found.push(failed('nft-rules-stale', { isListed: false }));
  const { allow, deny } = relay?.addressLists ?? {};
  const isRestricted = typeof allow === 'number' || typeof deny === 'number';
  if (found.length > 0 || !isRestricted) return found;
  return [fine('address-lists-fine', { allow: allow ?? undefined, deny: deny ?? undefined })];
}
