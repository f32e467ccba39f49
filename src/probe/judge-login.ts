/** What the outcome of DERP logins means. No I/O. */
import type { LoginWay } from '../client/derp-client.ts';
import type { DerpClientError, HttpRefusal } from '../client/errors.ts';
import { formatPublicKey } from '../protocol/keys.ts';
import type { Finding } from './check.ts';
import { formatMs } from './latency.ts';

/** In this one a relay shows its meta certificate. */
const NEWEST_TLS = 'TLSv1.3';

/** Judges a login that succeeded. `tls`: the protocol, if the relay was reached by TLS. */
export function judgeLogin(way: LoginWay, relayKey: Uint8Array, ms: number, tls: string | undefined): Finding<'login'> {
  const serverKey = formatPublicKey(relayKey);
  const data = { way, serverKey };
  if (way === 'upgrade' && tls === NEWEST_TLS) {
    return {
      status: 'warning',
      reason: 'tls-ends-before',
      detail: `admitted by HTTP upgrade in ${formatMs(ms)}; something ends TLS before the relay: each login takes a round trip more, clients' addresses are known by a header only, and its time limits hold for quiet connections`,
      remedy:
        'Pass TLS through to the relay (nginx stream with ssl_preread); where that cannot be, let the proxy wait for minutes (nginx: proxy_read_timeout) and the relay believe that proxy alone (forwardedFrom).',
      data,
    };
  }
  if (way === 'upgrade' && tls !== undefined) {
    return {
      status: 'warning',
      reason: 'no-fast-start',
      detail: `admitted by HTTP upgrade in ${formatMs(ms)}; the relay's meta certificate does not arrive, so each login takes a round trip more`,
      remedy:
        'Something in front ends TLS, or allows TLS 1.2 only: pass TLS through to the relay (nginx stream with ssl_preread).',
      data,
    };
  }
  const how = way === 'fast-start' ? 'fast start' : 'HTTP upgrade';
  return { status: 'ok', detail: `admitted by ${how} in ${formatMs(ms)}, relay key ${serverKey}`, data };
}

/** The part of a finding that says what is wrong. */
export interface Explanation {
  reason: string;
  detail: string;
  remedy: string;
}

/** Why a connection to the relay, once TLS was seen to work, did not lead to a login. */
export function explainLoginFailure(error: DerpClientError): Explanation {
  switch (error.code) {
    case 'http':
      return error.http ? explainRefusal(error.http) : explainNoHttp(error);
    case 'refused':
      return {
        reason: 'not-admitted',
        detail: 'the relay closed the connection right after the login: it does not admit this key',
        remedy:
          "That is right for strangers where clients are verified; probe with the mesh key or with keys that are allowed, and see the relay's log.",
      };
    case 'timeout':
      return {
        reason: error.step === 'http' ? 'upgrade-timed-out' : 'login-timed-out',
        detail: error.message,
        remedy:
          'Look for a proxy in front that holds the request back, and whether the relay is busy or hangs on a slow verification.',
      };
    case 'protocol':
      return {
        reason: 'not-derp',
        detail: error.message,
        remedy: 'Something that is no DERP relay answers, or a proxy changes the bytes: pass TLS through to the relay.',
      };
    default:
      return {
        reason: 'connection-lost',
        detail: error.message,
        remedy: "Try again; if it stays so, see the relay's log and its limit on new connections.",
      };
  }
}

function explainNoHttp(error: DerpClientError): Explanation {
  return {
    reason: 'no-upgrade',
    detail: error.message,
    remedy:
      'Something other than a relay listens there, or a proxy in front cuts off the upgrade: pass TLS through to the relay.',
  };
}

function explainRefusal({ status, server, location }: HttpRefusal): Explanation {
  const who = server ? `something in front (server: ${server})` : 'something in front';
  const passThrough =
    'Pass TLS through to the relay (nginx stream with ssl_preread), or at least forward the Upgrade and Connection headers for /derp.';
  const wrongServer = 'Another web server has this port: give the relay a port of its own, or route its name to it.';
  if (status >= 300 && status < 400) {
    const where = location ? ` to ${location}` : '';
    return { reason: 'redirected', detail: `${who} redirects /derp (HTTP ${status}${where})`, remedy: wrongServer };
  }
  switch (status) {
    case 401:
    case 403:
    case 407:
      return {
        reason: 'forbidden',
        detail: `${who} forbids /derp (HTTP ${status})`,
        remedy: 'Look for a firewall for web applications, a CDN or an access list in front of the relay.',
      };
    case 404:
    case 405:
      return { reason: 'no-derp-here', detail: `there is no /derp here (HTTP ${status})`, remedy: wrongServer };
    case 429:
    case 503:
      return {
        reason: 'overloaded',
        detail: `${who} turns the request away for now (HTTP ${status})`,
        remedy: 'Check that the relay behind it runs, and the limits on connections and requests.',
      };
    case 502:
    case 504:
      return {
        reason: 'relay-down',
        detail: `${who} cannot reach the relay (HTTP ${status})`,
        remedy: 'Start the relay, and check the address to which the proxy passes connections.',
      };
    default:
      return {
        reason: 'no-upgrade',
        detail: `${who} does not pass the upgrade to DERP: HTTP ${status} instead of 101`,
        remedy: passThrough,
      };
  }
}
