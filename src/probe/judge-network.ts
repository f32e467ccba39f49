/** What the results of DNS and of TCP connections mean. No I/O. */
import { isIP } from 'node:net';
import { addressKind } from './address-kind.ts';
import type { Finding } from './check.ts';

/** Judges the addresses that were found for a host. */
export function judgeAddresses(host: string, addresses: readonly string[]): Finding<'resolve'> {
  const data = { addresses: [...addresses] };
  const detail = addresses.join(', ');
  if (isIP(host)) return { status: 'ok', detail: 'an IP address, nothing to resolve', data };
  const of = (kind: string) => addresses.filter((address) => addressKind(address) === kind);
  if (of('unspecified').length > 0) {
    return {
      status: 'failed',
      reason: 'blocked-name',
      detail: `${host} resolves to ${detail}, which is how DNS filters block a name`,
      remedy: 'Ask another DNS server, or take the name off the block list of the filter.',
      data,
    };
  }
  if (of('benchmark').length > 0) {
    return {
      status: 'warning',
      reason: 'fake-address',
      detail: `${host} resolves to ${detail}, an address that proxy programs (Clash and the like) make up`,
      remedy:
        'Probe from a machine without such a proxy, or exclude the name from its fake-ip mode; Tailscale needs that too.',
      data,
    };
  }
  if (of('loopback').length > 0 && host !== 'localhost' && !host.endsWith('.localhost')) {
    return {
      status: 'warning',
      reason: 'loopback-name',
      detail: `${host} resolves to ${detail} on this machine, so the probe sees the relay from inside only`,
      remedy: 'Remove the name from /etc/hosts here, or probe from another machine.',
      data,
    };
  }
  return { status: 'ok', detail, data };
}

/** Judges why a host could not be resolved, by the system's code. */
export function judgeResolveFailure(host: string, code: string | undefined): Finding<'resolve'> {
  if (code === 'ENOTFOUND' || code === 'ENODATA') {
    return {
      status: 'failed',
      reason: 'no-such-name',
      detail: `DNS knows no address for ${host}`,
      remedy: `Create an A (and, with IPv6, an AAAA) record for ${host}; a new record can take minutes to be seen everywhere.`,
    };
  }
  return {
    status: 'failed',
    reason: 'dns-unreachable',
    detail: `no answer from DNS for ${host} (${code ?? 'timed out'})`,
    remedy: 'Check the DNS servers of this machine (/etc/resolv.conf).',
  };
}

/** One address and how connecting to it went: the system's code, or undefined for success. */
export interface Attempt {
  address: string;
  code: string | undefined;
}

/** Codes that say something about this machine's network, not about the relay: it has no route to that family. */
const NO_ROUTE_HERE = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** Judges the TCP connections to each of a relay's addresses. */
export function judgeTcp(attempts: readonly Attempt[], port: number): Finding<'tcp'> {
  const reached = attempts.filter(({ code }) => code === undefined).map(({ address }) => address);
  const unreached = attempts.flatMap(({ address, code }) => (code === undefined ? [] : [{ address, code }]));
  const address = reached[0] ?? attempts[0]?.address ?? '';
  const data = { address, port, reached, unreached };
  const relevant = unreached.filter(({ code }) => !NO_ROUTE_HERE.has(code));
  if (reached.length === 0) return { status: 'failed', ...explainTcp((relevant[0] ?? unreached[0])?.code, port), data };
  if (relevant.length > 0) {
    const { reason, detail } = explainTcp(relevant[0]!.code, port);
    const addresses = relevant.map((attempt) => attempt.address).join(', ');
    return {
      status: 'warning',
      reason,
      detail: `${addresses}: ${detail}`,
      remedy: `Open the port for ${addresses} too, or take that address out of DNS and the derpMap: clients try it first and wait.`,
      data,
    };
  }
  const untried =
    unreached.length > 0 ? ` (this machine has no route to ${unreached.map((u) => u.address).join(', ')})` : '';
  return { status: 'ok', detail: `port ${port} of ${reached.join(', ')} accepts connections${untried}`, data };
}

function explainTcp(code: string | undefined, port: number): { reason: string; detail: string; remedy: string } {
  switch (code) {
    case 'ECONNREFUSED':
      return {
        reason: 'connection-refused',
        detail: `the host refuses connections to port ${port}: nothing listens there, or a firewall rejects it`,
        remedy: `Check that the relay runs and listens on port ${port} of all addresses, not only on 127.0.0.1.`,
      };
    case 'ETIMEDOUT':
      return {
        reason: 'connection-timed-out',
        detail: `no answer from port ${port}: a firewall drops the packets, or the host is down`,
        remedy: `Allow TCP port ${port} in the host's firewall and in the cloud provider's security group.`,
      };
    case 'ECONNRESET':
      return {
        reason: 'connection-reset',
        detail: `connections to port ${port} are cut off at once`,
        remedy: 'Look for a firewall or load balancer in front of the relay; from another network it may be different.',
      };
    case 'EHOSTUNREACH':
      return {
        reason: 'host-unreachable',
        detail: 'the network says that the host cannot be reached',
        remedy: 'Check the address, and that the host is up.',
      };
    default:
      return {
        reason: 'no-connection',
        detail: `no connection to port ${port} (${code ?? 'unknown error'})`,
        remedy: 'Check the network of this machine, and that it has the address family of the relay (IPv4, IPv6).',
      };
  }
}
