/** STUN requests to the relay's addresses. */
import { isIPv6 } from 'node:net';
import { queryStun, StunError } from '../../client/stun-client.ts';
import type { Finding } from '../check.ts';
import { judgeStun, type StunOutcome } from '../judge-stun.ts';
import type { ProbeSettings } from '../settings.ts';

/** Asks one IPv4 and one IPv6 address, where there are, as Tailscale's clients do. */
export async function checkStun(settings: ProbeSettings, addresses: readonly string[]): Promise<Finding<'stun'>> {
  const { stunPort: port, timeoutMs, signal } = settings;
  const asked = [addresses.find((address) => !isIPv6(address)), addresses.find((address) => isIPv6(address))];
  const outcomes = await Promise.all(
    asked
      .filter((address) => address !== undefined)
      .map(async (server): Promise<StunOutcome> => {
        try {
          return { server, result: await queryStun({ address: server, port, timeoutMs, signal }) };
        } catch (error) {
          if (!(error instanceof StunError)) throw error;
          return { server, result: error.code };
        }
      }),
  );
  signal.throwIfAborted();
  return judgeStun(outcomes, port);
}
