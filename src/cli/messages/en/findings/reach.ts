/** What the doctor says of the way from a client to the relay. */
import { formatMs } from '../../../../probe/latency.ts';
import { RESTART, SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';
import { owner } from '../problems.ts';
import { checks } from '../report.ts';

export const reach = {
  'host-leads-here': ({ host, addresses }) => ({
    text: addresses.includes(host)
      ? `${host} leads to this relay`
      : `${host} leads to this relay: ${addresses.join(', ')}`,
  }),
  'host-unresolved': ({ host, failure }) =>
    failure === 'not-found'
      ? {
          text: `DNS knows no address of ${host}: clients cannot find the relay`,
          remedy: `make an A record (with IPv6, an AAAA record too) for ${host} at your DNS provider`,
        }
      : {
          text: `the name servers of this machine do not answer for ${host}`,
          remedy: 'check them: resolvectl status, or /etc/resolv.conf',
        },
  'address-blocked': ({ host, address, port }) => ({
    text: `${host} is ${address}, an address of this machine, but port ${port} cannot be reached there, only within`,
    remedy: 'see which rule stops it: sudo nft list ruleset, or sudo iptables -S',
  }),
  'address-elsewhere': ({ host, address }) => ({
    text:
      host === address
        ? `another server answers at ${address}, not this relay`
        : `${host} leads to ${address}, where another server answers, not this relay`,
    remedy: `${host === address ? 'point the port forwarding at this machine' : `point the DNS of ${host} at this machine, without a CDN or proxy in between`}; or set up another host: sudo derp-setup --host NAME`,
  }),
  'address-not-mine': ({ host, address, own }) => ({
    text: `${host === address ? address : `${host} leads to ${address}, which`} is not an address of this machine (${own.join(', ')})`,
    remedy: `point the DNS record at ${own[0]}; or set up another host: sudo derp-setup --host NAME`,
  }),
  'address-unproven': ({ host, address, port }) => ({
    text: `${host === address ? address : `${host} (${address})`} cannot be reached from this machine itself, which proves nothing where a provider's NAT stands in between`,
    remedy: `open port ${port} in the provider's security group, or forward it to this machine; then try from another one: npx derp-setup probe ${host}`,
  }),
  'ports-held': ({ ports }) => ({ text: `the relay has its ports: ${ports.join(', ')}` }),
  'port-taken': ({ protocol, port, flag, owner: who }) => ({
    text: `port ${port}/${protocol} is in use by ${owner(who)}, not by the relay`,
    remedy: `stop ${who.name ?? 'it'}, then: ${RESTART}; or choose another port: sudo derp-setup ${flag} PORT`,
  }),
  'port-closed': ({ protocol, port }) => ({
    text: `the relay runs, but nobody listens on ${port}/${protocol}`,
    remedy: `have it listen as config.json says: ${SETUP_AGAIN}, then: ${RESTART}`,
  }),
  'no-firewall': () => ({ text: 'this machine has no firewall of its own in the way' }),
  'firewall-open': ({ tool }) => ({ text: `${tool} lets clients in, and will after the next start` }),
  'firewall-closed': ({ tool, openings, commands }) => ({
    text: `${tool} keeps clients from ${openings.map(({ port, protocol }) => `${port}/${protocol}`).join(', ')}`,
    remedy: [
      'sudo derp-setup doctor --fix --open-firewall',
      ...(commands.length > 0 ? [`or by hand: ${commands.map((command) => `sudo ${command}`).join('; ')}`] : []),
    ].join('; '),
  }),
  'firewall-not-lasting': ({ tool }) => ({
    text: `${tool} lets clients in, but nothing here saves its rules for the next start`,
    remedy: 'save them: sudo apt install iptables-persistent, or in /etc/nftables.conf with nftables.service enabled',
  }),
  'client-served': ({ packets, medianMs }) => ({
    text: `two clients exchanged ${packets} packets through it, ${formatMs(medianMs)} on the way`,
  }),
  'tls-ends-in-nginx': () => ({
    text: "nginx ends TLS before the relay, as was asked for: each login takes a round trip more, and clients' addresses are known by nginx's header (--front stream passes TLS through)",
  }),
  'client-check': ({ check }, { text, remedy }) => ({
    text: `as a client sees it, ${checks[check.id]}: ${text}`,
    ...(remedy !== undefined && { remedy }),
  }),
  'strangers-refused': () => ({ text: 'the relay turns away a key that it does not know, as it should' }),
  'strangers-admitted': () => ({
    text: 'a key that nobody has was let in, although --verify says that not everybody is',
    remedy: `have the relay read its settings again: ${RESTART}; if that changes nothing, those who are asked let it in`,
  }),
  'stun-through-docker': ({ port, mapped }) => ({
    text: `STUN on port ${port} answers ${mapped}, a private address: Docker's proxy hides where clients come from, and they are told a wrong address`,
    remedy: "give that container the host's network (network_mode: host), or stop it so that the relay gets the port",
  }),
  'stun-unproven': ({ mapped }) => ({
    text: `STUN answers this machine with ${mapped}; by a provider's NAT and back that proves nothing about clients`,
    remedy: 'on a client: tailscale netcheck should show your own public address',
  }),
} satisfies Partial<FindingMessages>;
