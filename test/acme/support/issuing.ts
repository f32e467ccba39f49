/** Ordering certificates of a Pebble inside the test's own process. */
import { connectAcme } from '../../../src/cert/acme/connection.ts';
import type { ChallengeType } from '../../../src/cert/acme/identifier.ts';
import { type IssueContext, type IssueInput, issueCertificate } from '../../../src/cert/acme/issue.ts';
import { emptyStore } from '../../../src/cert/acme/store.ts';
import { localAddresses } from '../../../src/system/network.ts';
import type { Pebble } from './pebble.ts';

/** What of an order matters to a test. */
export interface TestOrder extends Partial<Omit<IssueInput, 'host' | 'directoryUrl' | 'way'>> {
  host?: string;
  challenge?: ChallengeType;
  /** Where the host leads to, as this machine sees it. @default where the host itself says, or 127.0.0.1 */
  addresses?: { ipv4?: string[]; ipv6?: string[] };
}

/** A context whose connection trusts that authority. */
export function contextFor(pebble: Pick<Pebble, 'authority'>, more: Partial<IssueContext> = {}): IssueContext {
  const signal = more.signal ?? AbortSignal.timeout(120_000);
  return {
    connection: connectAcme({
      environment: {},
      extraAuthorities: pebble.authority,
      userAgent: 'derp-setup-test',
      signal,
    }),
    store: emptyStore(),
    challengeFolder: '/nonexistent',
    signal,
    ...more,
  };
}

/** Orders with answers of our own on the ports that the authority looks at. */
export function order(pebble: Pebble, wanted: TestOrder = {}, context: Partial<IssueContext> = {}) {
  const { host = 'derp.example.com', challenge = 'http-01', addresses, ...input } = wanted;
  const port = challenge === 'http-01' ? pebble.httpPort : pebble.tlsPort;
  const isIp = /^[\d.]+$|:/.test(host);
  const found = addresses ?? (host.includes(':') ? { ipv6: [host] } : { ipv4: [isIp ? host : '127.0.0.1'] });
  return issueCertificate(
    {
      host,
      directoryUrl: pebble.directoryUrl,
      way: { challenge, by: 'responder', port, outerPort: port },
      asker: 'person',
      ...input,
    },
    contextFor(pebble, {
      looks: {
        resolve: async () => ({ ipv4: [], ipv6: [], ...found }),
        caa: async () => undefined,
        local: () => localAddresses(),
      },
      ...context,
    }),
  );
}
