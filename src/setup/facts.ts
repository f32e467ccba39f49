/** What the machine is, as far as the answers depend on it. */
import { bestHost, type LocalAddress, localAddresses } from '../system/network.ts';

/** Found out before anything is asked. */
export interface Facts {
  addresses: readonly LocalAddress[];
  /** The address to offer as the relay's host. */
  suggestedHost: string;
}

/** Looks at the machine. */
export function detectFacts(): Facts {
  const addresses = localAddresses();
  return { addresses, suggestedHost: bestHost(addresses) };
}
