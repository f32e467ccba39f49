/** What the user should know although nothing is wrong: facts only; the sentences are in the message catalogues. */
import type { AddressScope } from '../system/network.ts';
import type { PortOwner } from '../system/port-owner.ts';
import type { PortProtocol } from '../system/ports.ts';

export type Note =
  /** A default port is taken, and which one is used instead. */
  | { code: 'port-moved'; flag: string; protocol: PortProtocol; from: number; to: number; owner?: PortOwner }
  /** Anybody may use the relay. */
  | { code: 'open-relay' }
  /** Answers of the last run were used again. */
  | { code: 'answers-kept'; path: string; flags: readonly string[] }
  /** The host is an address that not everybody can reach. */
  | { code: 'local-host'; host: string; scope: AddressScope }
  | { code: 'tailscale-region'; regionId: number }
  | { code: 'outside-custom-range'; regionId: number }
  | { code: 'certificate-ends-soon'; file: string; at: string; daysLeft: number }
  /** The old self-signed certificate had ended, so the derpMap must be changed everywhere. */
  | { code: 'pin-changed'; file: string; at: string }
  /** The chain leads to an authority that clients must have been told of. */
  | { code: 'private-authority'; file: string };
