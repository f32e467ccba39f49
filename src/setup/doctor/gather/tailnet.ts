/** What this machine's tailscaled was told of its tailnet: the relays that clients use, and the nodes that there are. */
import { ProtocolError } from '../../../protocol/errors.ts';
import { parsePublicKey, shortKey } from '../../../protocol/keys.ts';
import { askTailscaled, findTailscaled } from '../../../system/tailscaled.ts';
import type { TailnetFacts, TailnetNode, TailnetRelay } from '../facts.ts';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

function parseObject(text: string): Json | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

const textAt = (json: Json, field: string) => (typeof json[field] === 'string' ? json[field] : '');
const DEFAULT_PORTS = { DERPPort: 443, STUNPort: 3478 };
const portAt = (json: Json, field: keyof typeof DEFAULT_PORTS) =>
  typeof json[field] === 'number' && json[field] !== 0 ? json[field] : DEFAULT_PORTS[field];

/** The answer of /localapi/v0/derpmap: every relay of every region; undefined when there is no map. */
export function parseTailnetRelays(text: string): TailnetRelay[] | undefined {
  const regions = parseObject(text)?.Regions;
  if (!isObject(regions)) return undefined;
  return Object.values(regions).flatMap((region) => {
    if (!isObject(region) || !Array.isArray(region.Nodes)) return [];
    return region.Nodes.filter(isObject).map(
      (node): TailnetRelay => ({
        regionId: Number(region.RegionID),
        name: textAt(node, 'Name'),
        hostName: textAt(node, 'HostName'),
        certName: textAt(node, 'CertName'),
        ipv4: textAt(node, 'IPv4'),
        ipv6: textAt(node, 'IPv6'),
        derpPort: portAt(node, 'DERPPort'),
        stunPort: portAt(node, 'STUNPort'),
        stunOnly: node.STUNOnly === true,
        insecure: node.InsecureForTests === true,
      }),
    );
  });
}

/** Exit nodes that Tailscale sells: hundreds of them, and none uses anybody's relay. */
const SOLD_EXIT_NODE = /\.mullvad\.ts\.net\.?$/;

function readNode(value: unknown): TailnetNode[] {
  if (!isObject(value)) return [];
  const dnsName = textAt(value, 'DNSName');
  const key = textAt(value, 'PublicKey');
  if (SOLD_EXIT_NODE.test(dnsName)) return [];
  try {
    const name = dnsName.split('.')[0] || textAt(value, 'HostName');
    return [{ name, key, shortKey: shortKey(parsePublicKey(key)) }];
  } catch (error) {
    if (error instanceof ProtocolError) return [];
    throw error;
  }
}

/** The answer of /localapi/v0/status: this machine's node first, then the others. Source: tailscale `ipnstate.Status`. */
export function parseTailnetNodes(text: string): Omit<TailnetFacts, 'relays'> {
  const status = parseObject(text) ?? {};
  const self = isObject(status.Self) ? status.Self : {};
  const peers = isObject(status.Peer) ? Object.values(status.Peer) : [];
  const expiry = new Date(textAt(self, 'KeyExpiry'));
  return {
    nodes: [self, ...peers].flatMap(readNode),
    keyExpiry: Number.isNaN(expiry.getTime()) ? undefined : expiry,
  };
}

/**
 * What the tailscaled of this machine was told; undefined where there is none in a tailnet.
 * @param socket the one that the relay asks, if it asks one
 */
export async function gatherTailnet(socket: string | undefined): Promise<TailnetFacts | undefined> {
  const found = await (socket === undefined ? findTailscaled() : findTailscaled([socket]));
  if (found?.state !== 'running') return undefined;
  const [map, status] = await Promise.all([
    askTailscaled(found.socket, '/localapi/v0/derpmap'),
    askTailscaled(found.socket, '/localapi/v0/status'),
  ]);
  const relays = typeof map === 'string' ? undefined : parseTailnetRelays(map.body);
  return { relays, ...parseTailnetNodes(typeof status === 'string' ? '' : status.body) };
}
