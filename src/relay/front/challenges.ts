import { join } from 'node:path';
import type { Counters } from '../counters.ts';
import type { Log } from '../log.ts';
import type { Noise } from '../noise.ts';
import { AlpnChallenges } from './alpn-challenge.ts';
import { ChallengeTrouble } from './challenge-trouble.ts';
import { HttpChallenges } from './http-challenge.ts';

/** What answers a certificate authority that wants to see whether this machine is whom its certificate will name. */
export interface Challenges {
  /** On the plain HTTP port. */
  readonly http: HttpChallenges;
  /** On the DERP port, in front of TLS. */
  readonly alpn: AlpnChallenges;
}

/** Both kinds of challenges from the folders below `directory`, which need not be there yet. */
export function openChallenges(
  directory: string | null,
  { counters, noise, log }: { counters: Counters; noise: Noise; log: Log },
): Challenges | undefined {
  if (directory === null) return undefined;
  const trouble = new ChallengeTrouble(log);
  return {
    http: new HttpChallenges(join(directory, 'webroot'), counters, trouble),
    alpn: new AlpnChallenges(join(directory, 'alpn'), counters, noise, trouble),
  };
}
