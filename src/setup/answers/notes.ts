/** What the user should know although nothing is wrong: facts only; the sentences are in the message catalogues. */
import type { AddressScope } from '../../system/network.ts';
import type { PortOwner } from '../../system/port-owner.ts';
import type { PortProtocol } from '../../system/ports.ts';
import type { FrontObstacle } from '../nginx/http-front.ts';

export type Note =
  /** A default port is taken, and which one is used instead. */
  | { code: 'port-moved'; flag: string; protocol: PortProtocol; from: number; to: number; owner?: PortOwner }
  /** A default port is taken, and done without. */
  | { code: 'port-left-out'; flag: string; protocol: PortProtocol; port: number; owner?: PortOwner }
  /** nginx has port 80, and a file of ours has it hand on what comes for the host. */
  | { code: 'nginx-hands-on'; file: string; host: string }
  /** nginx ends TLS in front of the relay, by a file of ours. */
  | { code: 'tls-ends-in-nginx'; file: string }
  /** nginx has port 80, and cannot hand on what comes for the host. */
  | { code: 'nginx-in-the-way'; port: number; obstacle: FrontObstacle }
  /** The host leads to another machine, or nowhere, as far as this machine can see. */
  | { code: 'host-elsewhere'; host: string; addresses: readonly string[] }
  | { code: 'host-unresolved'; host: string }
  /** This machine's firewall keeps clients out, and was not to be opened. */
  | { code: 'firewall-closed'; tool: string; commands: readonly string[] }
  /** A rule that somebody wrote for these very ports keeps clients out; opening them would be in vain. */
  | { code: 'firewall-refuses'; tool: string; ports: readonly string[] }
  /** The rules are gone after the next start of the machine. */
  | { code: 'firewall-not-lasting'; tool: string }
  /** A derper runs here or starts with the machine, and was not to be taken over. */
  | { code: 'derper-found'; name: string }
  | { code: 'derper-taken-over'; name: string; lost: readonly string[] }
  /** An entry of cron would start the derper that is taken over again. */
  | { code: 'derper-scheduled'; file: string; line: number }
  /** Anybody may use the relay. */
  | { code: 'open-relay' }
  /** Anybody may whose address is allowed. */
  | { code: 'open-to-addresses' }
  /** Answers of the last run were used again. */
  | { code: 'answers-kept'; path: string; flags: readonly string[] }
  /** The host is an address that not everybody can reach. */
  | { code: 'local-host'; host: string; scope: AddressScope }
  | { code: 'tailscale-region'; regionId: number }
  | { code: 'outside-custom-range'; regionId: number }
  | { code: 'certificate-ends-soon'; file: string; at: string; daysLeft: number }
  /** The old self-signed certificate had ended, so the derpMap must be changed everywhere. */
  | { code: 'pin-changed'; file: string; at: string }
  /** It ends within a day or has ended, and the one that was prepared takes its place; people were told of its pin. */
  | { code: 'successor-taken'; file: string; at: string }
  /** The chain leads to an authority that clients must have been told of. */
  | { code: 'private-authority'; file: string }
  /** What stands between the certificate and its authority was left out. */
  | { code: 'chain-incomplete'; file: string; issuer: string }
  /** Nothing is started here, so that the certificate is ordered on the machine itself. */
  | { code: 'order-later'; host: string }
  /** No systemd, so that nothing looks after the certificate by itself; the line is cron's. */
  | { code: 'renew-by-cron'; line: string }
  /** The host is an address that a public authority would not issue for; another one may. */
  | { code: 'order-for-private'; host: string; authority: string }
  /** Behind nginx: who names no site gets the relay from now on, because the host is an address. */
  | { code: 'nginx-nameless'; host: string }
  /** Somebody's own stream server leads to the relay, and is left as it is. */
  | { code: 'nginx-by-hand'; relayPort: number }
  /** nginx lets each worker have few connections, and each visitor takes more of them from now on. */
  | { code: 'nginx-few-connections'; connections: number }
  /** Sites are told another port than the one that their visitors use. */
  | { code: 'nginx-server-port'; sitesPort: number; places: readonly string[] };
