/** What the answer to the captive-portal request means. No I/O. */
import type { Finding } from './check.ts';

/** What came back on the HTTP port. */
export interface CaptivePortalAnswer {
  status: number;
  /** `X-Tailscale-Response`. */
  response: string | undefined;
  location: string | undefined;
}

/**
 * Judges the answer to `GET /generate_204` with `X-Tailscale-Challenge`. Tailscale's clients take anything but a 204 that
 * echoes the challenge for a captive portal (net/captivedetection), so a wrong answer is worse than none.
 */
export function judgeCaptivePortal(
  answer: CaptivePortalAnswer,
  challenge: string,
  port: number,
): Finding<'captive-portal'> {
  const { status, response, location } = answer;
  const data = { status, response };
  const remedy = `Let the relay have port ${port}, or pass /generate_204 on to it; otherwise leave CanPort80 out of the derpMap.`;
  if (status !== 204) {
    const where = location ? ` to ${location}` : '';
    const detail = `port ${port} answers HTTP ${status}${where} instead of 204, which clients take for a captive portal`;
    return { status: 'failed', reason: 'not-204', detail, remedy, data };
  }
  if (response !== `response ${challenge}`) {
    const detail = `port ${port} answers 204 without the response that clients ask for, so it is not the relay that answers`;
    return { status: 'failed', reason: 'no-response', detail, remedy, data };
  }
  return { status: 'ok', detail: `port ${port} answers as clients expect`, data };
}

/** Judges silence on the HTTP port. It does no harm, but clients cannot use the relay to find captive portals. */
export function judgeNoHttp(code: string | undefined, port: number): Finding<'captive-portal'> {
  return {
    status: 'warning',
    reason: 'no-http',
    detail: `no HTTP answer on port ${port} (${code ?? 'connection closed'}), so clients cannot use it to find captive portals`,
    remedy: `Open TCP port ${port} in the firewall and let the relay serve it, or leave CanPort80 out of the derpMap.`,
  };
}
