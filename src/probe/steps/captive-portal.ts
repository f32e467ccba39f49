/** The request by which clients find out whether a captive portal stands between them and the world. */
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { dialTcp } from '../../client/dial.ts';
import { DerpClientError, systemCode } from '../../client/errors.ts';
import { authorityOf } from '../../client/http-upgrade.ts';
import { waitFor } from '../../client/wait.ts';
import type { Finding } from '../check.ts';
import { judgeCaptivePortal, judgeNoHttp } from '../judge-captive-portal.ts';
import { type ProbeSettings, stepSignal } from '../settings.ts';

/** Asks for /generate_204 on the HTTP port, with a challenge that is new each time. */
export async function checkCaptivePortal(
  settings: ProbeSettings,
  addresses: readonly string[],
): Promise<Finding<'captive-portal'>> {
  const { httpPort, host } = settings;
  const challenge = `probe_${randomBytes(8).toString('hex')}`;
  const signal = stepSignal(settings);
  try {
    const socket = await dialTcp(addresses, httpPort, signal);
    const headers = { Host: authorityOf(host, httpPort, false), 'X-Tailscale-Challenge': challenge };
    const answer = await waitFor<IncomingMessage>(signal, (resolve, reject) => {
      const get = request({ createConnection: () => socket, path: '/generate_204', headers });
      get.on('response', resolve).on('error', reject).end();
      return () => get.destroy();
    });
    const { 'x-tailscale-response': response, location } = answer.headers;
    return judgeCaptivePortal(
      { status: answer.statusCode ?? 0, response: response === undefined ? undefined : `${response}`, location },
      challenge,
      httpPort,
    );
  } catch (error) {
    settings.signal.throwIfAborted();
    return judgeNoHttp(
      signal.aborted ? 'timed out' : systemCode(error instanceof DerpClientError ? error.cause : error),
      httpPort,
    );
  }
}
