/** What the tailnet's control server tells clients of this relay, by the map that this machine's tailscaled was given. */
import { isInstalledTarget } from '../../../deploy/target.ts';
import { lintRegionId } from '../../../derp-map/lint.ts';
import type { DerpNode } from '../../../derp-map/region.ts';
import { mapEntry, readValue } from '../../status/installed.ts';
import { daysUntil } from '../../status/status.ts';
import type { DoctorFacts, TailnetRelay } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';

/** When its own key ends, a machine leaves its tailnet, and its tailscaled knows nobody any more. */
const EXPIRY_WARNING_DAYS = 30;
const USUAL_PORTS = { derp: 443, stun: 3478 };

/** What a map should say of this relay: the file of this machine may be wrong too, which has a check of its own. */
function rightEntry({ installed, where, certificate }: DoctorFacts): DerpNode | undefined {
  const map = readValue(installed.derpMap);
  const node = map && mapEntry(map)?.node;
  if (node === undefined || where === undefined) return undefined;
  const pin = certificate?.served?.pin ?? certificate?.pair?.pin ?? where.pin;
  return {
    ...node,
    HostName: where.host,
    DERPPort: where.ports.derp,
    STUNPort: where.ports.stun,
    ...(where.pin !== undefined && pin !== undefined && { CertName: pin }),
  };
}

/** Addresses by which this machine is known to be reached. */
function knownAddresses({ where, host }: DoctorFacts): string[] {
  const here = (host?.routes ?? []).filter(({ leads, local }) => local || leads === 'here');
  const { ipv4 = [], ipv6 = [] } = host?.global ?? {};
  return [...(where?.addresses ?? []), ...here.map(({ address }) => address), ...ipv4, ...ipv6];
}

/** The entry that means this relay, by its host, else by its name in the map, else by its address. */
function findEntry(relays: readonly TailnetRelay[], ours: DerpNode, facts: DoctorFacts): TailnetRelay | undefined {
  const addresses = knownAddresses(facts);
  const port = ours.DERPPort ?? USUAL_PORTS.derp;
  const tests: ((relay: TailnetRelay) => boolean)[] = [
    ({ hostName }) => hostName.toLowerCase() === ours.HostName.toLowerCase(),
    ({ regionId, name }) => regionId === ours.RegionID && name === ours.Name,
    ({ ipv4, ipv6, hostName }) => [ipv4, ipv6, hostName].some((address) => addresses.includes(address)),
  ];
  for (const test of tests) {
    const found = relays.filter(test);
    const best = found.find(({ name, derpPort }) => name === ours.Name && derpPort === port) ?? found[0];
    if (best !== undefined) return best;
  }
  return undefined;
}

/** One value that clients were told, and the one that is right. */
interface Difference {
  name: string;
  there: string;
  here: string;
}

function differences(entry: TailnetRelay, ours: DerpNode, facts: DoctorFacts): Difference[] {
  const found: Difference[] = [];
  const compare = (name: string, there: string | number, here: string | number) => {
    if (there !== here) found.push({ name, there: String(there), here: String(here) });
  };
  compare('HostName', entry.hostName.toLowerCase(), ours.HostName.toLowerCase());
  compare('DERPPort', entry.derpPort, ours.DERPPort ?? USUAL_PORTS.derp);
  compare('STUNPort', entry.stunPort, ours.STUNPort ?? USUAL_PORTS.stun);
  // Without a look at the certificate its pin does not matter; that is told by itself.
  if (!entry.insecure) compare('CertName', entry.certName, ours.CertName ?? '');
  const known = knownAddresses(facts);
  for (const [name, there] of [['IPv4', entry.ipv4] as const, ['IPv6', entry.ipv6] as const]) {
    const own = known.filter((address) => address.includes(':') === (name === 'IPv6'));
    // Behind a provider's NAT a machine may know none of its addresses.
    if (there !== '' && there !== 'none' && own.length > 0 && !own.includes(there)) compare(name, there, own[0]!);
  }
  return found;
}

function judgeEntry(entry: TailnetRelay, ours: DerpNode, relays: readonly TailnetRelay[], facts: DoctorFacts) {
  const found: Finding[] = [];
  const { regionId } = entry;
  const fields = differences(entry, ours, facts);
  if (fields.length > 0) found.push(failed('tailnet-map-differs', { regionId, fields }));
  if (entry.insecure) found.push(warning('tailnet-map-insecure', { regionId }));
  // A packet does not pass from one relay of a region to another unless they are meshed.
  const others = relays.filter(
    (one) => one.regionId === regionId && !one.stunOnly && one.hostName.toLowerCase() !== entry.hostName.toLowerCase(),
  );
  if (others.length > 0) {
    found.push(warning('tailnet-region-shared', { regionId, others: others.map(({ hostName }) => hostName) }));
  }
  // The number in the file of this machine has a check of its own.
  const [remark] = regionId === ours.RegionID ? [] : lintRegionId(regionId);
  if (remark?.rule === 'tailscale-region') found.push(warning('region-of-tailscale', { regionId }));
  if (remark?.rule === 'outside-custom-range') found.push(warning('region-out-of-range', { regionId }));
  return found;
}

/** The map of the tailnet that this machine belongs to, which may not be the one that the relay is for. */
export function judgeTailnet(facts: DoctorFacts): Finding[] {
  const { tailnet, installed, now } = facts;
  if (tailnet === undefined || !isInstalledTarget(installed.target)) return [];
  const found: Finding[] = [];
  const ours = rightEntry(facts);
  const { relays, keyExpiry } = tailnet;
  if (relays !== undefined && ours !== undefined) {
    const entry = findEntry(relays, ours, facts);
    const headscale = installed.layout.headscaleMap;
    if (entry === undefined) found.push(warning('tailnet-map-lacks', { headscale }));
    else found.push(...judgeEntry(entry, ours, relays, facts));
    if (found.length === 0) found.push(fine('tailnet-map-fine', { regionId: entry!.regionId }));
  }
  const asked = readValue(installed.relay)?.admission?.tailscaled !== undefined;
  const daysLeft = keyExpiry === undefined ? undefined : daysUntil(keyExpiry, now);
  if (asked && daysLeft !== undefined && daysLeft < EXPIRY_WARNING_DAYS) {
    found.push(warning('tailscaled-key-ends', { at: keyExpiry!, daysLeft }));
  }
  return found;
}
