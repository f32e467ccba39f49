/** Logins: the usual way, and by WebSocket. */
import { performance } from 'node:perf_hooks';
import { type ConnectOptions, connectDerp } from '../../client/connect.ts';
import type { DerpClient } from '../../client/derp-client.ts';
import { DerpClientError } from '../../client/errors.ts';
import { formatPublicKey } from '../../protocol/keys.ts';
import type { Finding } from '../check.ts';
import { explainLoginFailure, judgeLogin } from '../judge-login.ts';
import { formatMs } from '../latency.ts';
import { connectOptions, type ProbeSettings } from '../settings.ts';

/** Logs in as Tailscale's clients do, by fast start if the relay offers it. `tls`: the protocol that was agreed on. */
export async function checkLogin(
  settings: ProbeSettings,
  addresses: readonly string[],
  tls: string | undefined,
): Promise<{ finding: Finding<'login'>; relayKey?: Buffer }> {
  const begun = performance.now();
  const client = await tryConnect({ ...connectOptions(settings, addresses), keyPair: settings.keyPairs[0] }, settings);
  if (client instanceof DerpClientError) return { finding: { status: 'failed', ...explainLoginFailure(client) } };
  const { way, serverKey } = client;
  client.close();
  return { finding: judgeLogin(way, serverKey, performance.now() - begun, tls), relayKey: serverKey };
}

/** Logs in by WebSocket, which only clients in browsers do: a failure is a warning. */
export async function checkWebSocket(
  settings: ProbeSettings,
  addresses: readonly string[],
  relayKey: Buffer,
): Promise<Finding<'websocket'>> {
  const begun = performance.now();
  const options: ConnectOptions = { ...connectOptions(settings, addresses), way: 'websocket', serverKey: relayKey };
  const client = await tryConnect({ ...options, keyPair: settings.keyPairs[0] }, settings);
  if (client instanceof DerpClientError) {
    const { reason, detail } = explainLoginFailure(client);
    return {
      status: 'warning',
      reason,
      detail: `no login by WebSocket: ${detail}`,
      remedy: 'Only Tailscale in a browser needs it; for that, let /derp answer WebSocket upgrades.',
    };
  }
  const serverKey = formatPublicKey(client.serverKey);
  client.close();
  return { status: 'ok', detail: `admitted in ${formatMs(performance.now() - begun)}`, data: { serverKey } };
}

/** A client, or why there is none; throws only when the probe is given up. */
export async function tryConnect(
  options: ConnectOptions,
  { signal }: ProbeSettings,
): Promise<DerpClient | DerpClientError> {
  try {
    return await connectDerp(options);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DerpClientError) return error;
    throw error;
  }
}
