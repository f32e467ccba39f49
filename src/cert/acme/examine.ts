/** Looks at everything that the authority will look at, before it is asked for anything: failures there are counted. */
import { randomBytes } from 'node:crypto';
import { type LocalAddress, localAddresses } from '../../system/network.ts';
import type { ResolvedName } from '../../system/resolve-name.ts';
import { resolvePublicly } from './addresses.ts';
import { withSelfCheck } from './ask-ourselves.ts';
import { type CaaLookup, checkCaa, lookUpCaa } from './caa.ts';
import { makeAlpnPair } from './client.ts';
import type { AcmeConnection } from './connection.ts';
import type { AcmeDirectory } from './directory.ts';
import { fetchDirectory } from './fetch-directory.ts';
import { identifierOf } from './identifier.ts';
import { authorityName, OrderError, type OrderObstacle } from './obstacle.ts';
import { portResponderOf } from './port-responder.ts';
import { privateHost } from './private-host.ts';
import type { Challenge } from './responder.ts';
import type { ChallengeWay } from './way.ts';

/** A clock that is this wrong makes fresh certificates seem not yet, or no longer, valid: an hour, milliseconds. */
const CLOCK_TOLERANCE_MS = 3600 * 1000;

/** What an order would be. */
export interface IntendedOrder {
  host: string;
  directoryUrl: string;
  hasExternalAccount: boolean;
  /** The account is known already, so that it needs no binding. */
  hasAccount: boolean;
  way: ChallengeWay;
}

/** How to look; tests give answers of their own. */
export interface Looks {
  resolve(host: string): Promise<ResolvedName>;
  caa: CaaLookup;
  local(): LocalAddress[];
}

const realLooks: Looks = { resolve: resolvePublicly, caa: lookUpCaa, local: () => localAddresses() };

/** What was found out. */
export interface Examined {
  directory: AcmeDirectory;
  /** The addresses of the host, by which the authority may come. */
  addresses: string[];
}

/** A challenge of nobody's, to see whether an answer would be found. */
async function rehearsalOf({ host, way }: IntendedOrder): Promise<Challenge> {
  const token = randomBytes(16).toString('base64url');
  const keyAuthorization = `${token}.rehearsal`;
  if (way.challenge === 'http-01') return { type: 'http-01', host, token, keyAuthorization };
  const authorization = { identifier: identifierOf(host) } as Parameters<typeof makeAlpnPair>[0];
  return { type: 'tls-alpn-01', host, pair: await makeAlpnPair(authorization, keyAuthorization) };
}

/**
 * Asks for the directory, compares the clocks, looks up the host and its CAA records, and shows an answer for a moment
 * where the port is free.
 * @throws OrderError, AcmeError, UnreachableError; see obstacleOf
 */
export async function examineOrder(
  order: IntendedOrder,
  connection: AcmeConnection,
  signal: AbortSignal,
  looks: Looks = realLooks,
): Promise<Examined> {
  const { host, directoryUrl, hasExternalAccount, hasAccount, way } = order;
  const authority = authorityName(directoryUrl);
  const refuse = (obstacle: OrderObstacle): never => {
    throw new OrderError(obstacle);
  };
  const unreachable = privateHost(host, directoryUrl);
  if (unreachable) refuse(unreachable);
  const { directory, clockAheadMs = 0 } = await fetchDirectory(directoryUrl, connection);
  if (Math.abs(clockAheadMs) > CLOCK_TOLERANCE_MS) {
    refuse({ code: 'clock-wrong', aheadMinutes: Math.round(-clockAheadMs / 60_000), authority });
  }
  if (directory.externalAccountRequired && !hasExternalAccount && !hasAccount) {
    refuse({ code: 'needs-external-account', authority });
  }
  const { ipv4, ipv6, failure } = await looks.resolve(host);
  if (failure !== undefined) refuse({ code: 'host-without-address', failure });
  const addresses = [...ipv6, ...ipv4];
  if (identifierOf(host).type === 'dns') {
    const obstacle = await checkCaa(host, directory.caaIdentities, way.challenge, looks.caa);
    if (obstacle) refuse({ code: 'caa-forbids', authority, obstacle });
  }
  signal.throwIfAborted();
  if (way.by === 'responder') {
    const check = { addresses, way, local: looks.local() };
    const remove = await withSelfCheck(portResponderOf(way), check).present(await rehearsalOf(order), signal);
    await remove();
  }
  return { directory, addresses };
}
