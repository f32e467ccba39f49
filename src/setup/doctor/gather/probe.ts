/** Looks at the relay as a client would: by the way that clients take, and where that is shut, from within. */
import { connectDerp } from '../../../client/connect.ts';
import { DerpClientError } from '../../../client/errors.ts';
import type { Check, ProbeOptions } from '../../../probe/check.ts';
import { probeRelay } from '../../../probe/probe.ts';
import { chooseProverKeys } from '../../relay-key.ts';
import { type Installed, readValue, type Whereabouts } from '../../status/installed.ts';
import type { HostFacts, ProbeFacts } from '../facts.ts';

/** Enough to see whether packets arrive; a doctor's visit is no load test. */
const PACKETS = 40;
const WITHIN = '127.0.0.1';
const TIMEOUT_MS = 5000;

/** The keys with which this machine is let in, where not everybody is and this user may read them. */
async function readClientKeys({ layout, relay }: Installed): Promise<ProbeOptions['clientKeys']> {
  if (!readValue(relay)?.admission) return undefined;
  const { created, prover } = await chooseProverKeys(layout.proverKeys);
  return created === undefined ? prover?.privateKeys : undefined;
}

/** What becomes of a key that nobody has. */
async function tryAsStranger(about: ProbeOptions, signal: AbortSignal): Promise<ProbeFacts['stranger']> {
  const { host, addresses = [], derpPort = 443 } = about;
  try {
    const trust = { kind: 'none' } as const;
    const options = { host, addresses, port: derpPort, trust, timeoutMs: TIMEOUT_MS, signal };
    (await connectDerp({ ...options, isProber: true, way: 'upgrade' })).close();
    return 'admitted';
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof DerpClientError)) throw error;
    return error.code === 'refused' ? 'refused' : undefined;
  }
}

/** Runs the probe; where no address leads to this relay, the relay itself is probed on loopback. */
export async function gatherProbe(
  installed: Installed,
  { host, ports, pin }: Whereabouts,
  routes: HostFacts['routes'],
  extraCa: string,
  signal: AbortSignal,
): Promise<ProbeFacts> {
  const here = routes.filter(({ leads }) => leads === 'here').map(({ address }) => address);
  // This is shown to people: what is trusted, and above all keys, are not part of it.
  const about: ProbeOptions = {
    host,
    addresses: here.length > 0 ? here : [WITHIN],
    derpPort: ports.derp,
    stunPort: ports.stun,
    httpPort: ports.http,
    packets: PACKETS,
    ...(pin !== undefined && { pin }),
  };
  const clientKeys = await readClientKeys(installed);
  const checks: Check[] = [];
  const secrets = { ...(extraCa !== '' && { extraCa }), ...(clientKeys && { clientKeys }) };
  for await (const check of probeRelay({ ...about, ...secrets, signal })) checks.push(check);
  const stranger = readValue(installed.relay)?.admission ? await tryAsStranger(about, signal) : undefined;
  return { checks, about, byHost: here.length > 0, known: clientKeys !== undefined, stranger };
}
