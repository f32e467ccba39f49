/** The lab's one DERP region, in the two forms that Tailscale's and Headscale's programs read. */
import type { Identity } from './identity.ts';
import { relayAddress } from './network.ts';

/** The lab's region. */
export const region = { id: 900, code: 'lab', name: 'Lab relay', node: '900a' } as const;

/** What may differ from one map to the next. */
export interface MapOptions {
  /** With the IPv6 address, or IPv4 only. */
  readonly ipv6: boolean;
  /** Another port than 443. */
  readonly port?: number;
}

function nodeFields(identity: Identity, options: MapOptions): Record<string, string | number | boolean> {
  return {
    Name: region.node,
    RegionID: region.id,
    HostName: identity.host,
    ...(identity.certName ? { CertName: identity.certName } : {}),
    IPv4: relayAddress.v4,
    ...(options.ipv6 ? { IPv6: relayAddress.v6 } : {}),
    ...(options.port ? { DERPPort: options.port } : {}),
    CanPort80: true,
  };
}

/** The map as Tailscale's programs read it: a tailcfg.DERPMap in JSON. */
export function tailscaleMap(identity: Identity, options: MapOptions): string {
  const nodes = [nodeFields(identity, options)];
  const { id, code, name } = region;
  return JSON.stringify({ Regions: { [id]: { RegionID: id, RegionCode: code, RegionName: name, Nodes: nodes } } });
}

/** The map as Headscale reads it: YAML, the same fields in lower case. */
export function headscaleMap(identity: Identity, options: MapOptions): string {
  const fields = Object.entries(nodeFields(identity, options)).map(
    ([field, value]) => `          ${field.toLowerCase()}: ${JSON.stringify(value)}`,
  );
  return `regions:
  ${region.id}:
    regionid: ${region.id}
    regioncode: ${JSON.stringify(region.code)}
    regionname: ${JSON.stringify(region.name)}
    nodes:
      -
${fields.join('\n')}
`;
}
