/**
 * The derpMap entry of a relay, in the form of Tailscale's policy file. Only what differs from the client's own
 * defaults is written, so that the snippet stays short and says what is special about this relay.
 * Source: tailscale `tailcfg/derpmap.go`.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** A relay of a region, with the field names that clients know. */
export interface DerpNode {
  Name: string;
  RegionID: number;
  HostName: string;
  CertName?: string;
  IPv4?: string;
  IPv6?: string;
  DERPPort?: number;
  STUNPort?: number;
  CanPort80?: boolean;
}

/** A region: relays that stand in for one another. */
export interface DerpRegion {
  RegionID: number;
  RegionCode: string;
  RegionName: string;
  Nodes: DerpNode[];
}

/** What stands below "derpMap" in the policy file. */
export interface DerpMap {
  Regions: Record<string, DerpRegion>;
}

/** Everything about a relay that clients must be told. */
export interface RelayDescription {
  regionId: number;
  regionCode: string;
  regionName: string;
  nodeName: string;
  /** The name or IP address that clients dial, an IPv6 address without brackets. */
  host: string;
  derpPort: number;
  /** -1: no STUN. */
  stunPort: number;
  /** -1: no plain HTTP. Clients look for captive portals on port 80 only. */
  httpPort: number;
  /** Spares clients the look-up of a name; `none` keeps them off IPv4. */
  ipv4?: string | undefined;
  /** Spares clients the look-up of a name; `none` keeps them off IPv6. */
  ipv6?: string | undefined;
  /** `sha256-raw:…` of a self-signed certificate. */
  pin?: string | undefined;
}

const DEFAULT_PORTS = { derp: 443, stun: 3478, http: 80 };

/** The derpMap with this one relay in it. */
export function derpMapOf(relay: RelayDescription): DerpMap {
  const ipv4 = relay.ipv4 ?? (isIPv4(relay.host) ? relay.host : undefined);
  const ipv6 = relay.ipv6 ?? (isIPv6(relay.host) ? relay.host : undefined);
  const node: DerpNode = {
    Name: relay.nodeName,
    RegionID: relay.regionId,
    HostName: relay.host,
    ...(relay.pin !== undefined && { CertName: relay.pin }),
    ...(ipv4 !== undefined && { IPv4: ipv4 }),
    ...(ipv6 !== undefined && { IPv6: ipv6 }),
    ...(relay.derpPort !== DEFAULT_PORTS.derp && { DERPPort: relay.derpPort }),
    ...(relay.stunPort !== DEFAULT_PORTS.stun && { STUNPort: relay.stunPort }),
    ...(relay.httpPort === DEFAULT_PORTS.http && { CanPort80: true }),
  };
  const region: DerpRegion = {
    RegionID: relay.regionId,
    RegionCode: relay.regionCode,
    RegionName: relay.regionName,
    Nodes: [node],
  };
  return { Regions: { [relay.regionId]: region } };
}

/** The snippet to paste at the top level of a tailnet's policy file. */
export function policySnippet(map: DerpMap): string {
  const lines = JSON.stringify({ derpMap: map }, null, 2).split('\n');
  // Without the outer braces, which the policy file has already.
  return lines
    .slice(1, -1)
    .map((line) => line.slice(2))
    .join('\n');
}
