/** The first steps: DNS, then TCP to each address. */
import { dialTcp, resolveHost } from '../../client/dial.ts';
import { DerpClientError, systemCode } from '../../client/errors.ts';
import type { Finding } from '../check.ts';
import { type Attempt, judgeAddresses, judgeResolveFailure, judgeTcp } from '../judge-network.ts';
import { type ProbeSettings, stepSignal } from '../settings.ts';

/** Resolves the host, or takes the addresses that were given instead. */
export async function checkResolve(settings: ProbeSettings): Promise<Finding<'resolve'>> {
  const { host, addresses } = settings;
  if (addresses) {
    return { status: 'ok', detail: `${addresses.join(', ')}, as given`, data: { addresses: [...addresses] } };
  }
  try {
    return judgeAddresses(host, await resolveHost(host, stepSignal(settings)));
  } catch (error) {
    settings.signal.throwIfAborted();
    return judgeResolveFailure(host, codeOf(error));
  }
}

/** Connects to every address, all at the same time. */
export async function checkTcp(settings: ProbeSettings, addresses: readonly string[]): Promise<Finding<'tcp'>> {
  const signal = stepSignal(settings);
  const attempts = await Promise.all(
    addresses.map(async (address): Promise<Attempt> => {
      try {
        (await dialTcp([address], settings.derpPort, signal)).destroy();
        return { address, code: undefined };
      } catch (error) {
        return { address, code: codeOf(error) ?? 'ETIMEDOUT' };
      }
    }),
  );
  settings.signal.throwIfAborted();
  return judgeTcp(attempts, settings.derpPort);
}

/** The system's code behind an error; undefined if there is none, as when time ran out. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof DerpClientError ? systemCode(error.cause) : undefined;
}
