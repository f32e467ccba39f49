/** Where the host leads: each address by itself, since clients try A and AAAA each. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { dialTcp } from '../../../client/dial.ts';
import { DerpClientError } from '../../../client/errors.ts';
import { openTls } from '../../../client/tls.ts';
import { formatUntypedKey } from '../../../protocol/keys.ts';
import { addressScope, localAddresses } from '../../../system/network.ts';
import { resolveName } from '../../../system/resolve-name.ts';
import { type Installed, mapEntry, readValue, type Whereabouts } from '../../status/installed.ts';
import type { HostFacts, RouteFact } from '../facts.ts';

const TIMEOUT_MS = 4000;

/** By what this relay is told from others. */
export interface Identity {
  /** 64 hex digits. */
  publicKey: string;
  /** Of the certificate that it serves; for relays behind something that ends TLS. */
  fingerprint: string | undefined;
}

/** Who answers at an address. Our own relay shows its key in the handshake. */
async function leadsTo(
  { host, ports }: Whereabouts,
  address: string,
  identity: Identity | undefined,
  signal: AbortSignal,
): Promise<RouteFact['leads']> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const tcp = await dialTcp([address], ports.derp, bounded);
    const { socket, relay, leaf } = await openTls(tcp, { host, trust: { kind: 'none' }, seeChain: true }, bounded);
    socket.destroy();
    if (relay !== undefined) return formatUntypedKey(relay.publicKey) === identity?.publicKey ? 'here' : 'elsewhere';
    return leaf.fingerprint256 === identity?.fingerprint ? 'here' : 'elsewhere';
  } catch (error) {
    signal.throwIfAborted();
    // Something that accepts connections and speaks no TLS is somebody else.
    if (error instanceof DerpClientError) return error.code === 'tls' ? 'elsewhere' : 'unreachable';
    if (bounded.aborted) return 'unreachable';
    throw error;
  }
}

/** The addresses that clients dial: the map's own, else those of the name. */
async function dialled(installed: Installed, { host }: Whereabouts) {
  const map = readValue(installed.derpMap);
  const node = map && mapEntry(map)?.node;
  const named = { ipv4: node?.IPv4, ipv6: node?.IPv6 };
  const resolved = await resolveName(host);
  const family = (given: string | undefined, found: string[]) =>
    given === undefined ? found : isIP(given) > 0 ? [given] : [];
  const addresses = [...family(named.ipv4, resolved.ipv4), ...family(named.ipv6, resolved.ipv6)];
  return { addresses, failure: addresses.length > 0 ? undefined : resolved.failure };
}

/** Follows every address that clients would dial. */
export async function gatherHost(
  installed: Installed,
  where: Whereabouts,
  identity: Identity | undefined,
  signal: AbortSignal,
): Promise<HostFacts> {
  const own = localAddresses();
  const { addresses, failure } = await dialled(installed, where);
  const routes = await Promise.all(
    addresses.map(
      async (address): Promise<RouteFact> => ({
        address,
        local: own.some((entry) => entry.address === address) || addressScope(address) === 'loopback',
        leads: await leadsTo(where, address, identity, signal),
      }),
    ),
  );
  const global = own.filter(({ scope }) => scope === 'global').map(({ address }) => address);
  return {
    failure,
    routes,
    global: { ipv4: global.filter((address) => isIPv4(address)), ipv6: global.filter((address) => isIPv6(address)) },
  };
}
