/** What STUN answers mean. No I/O. */
import type { StunAnswer, StunErrorCode } from '../client/stun-client.ts';
import { addressKind } from './address-kind.ts';
import type { Finding } from './check.ts';
import { formatMs } from './latency.ts';

/** Asking one address of the relay, and what came of it. */
export interface StunOutcome {
  server: string;
  result: StunAnswer | StunErrorCode;
}

type Explanation = Pick<Finding, 'status' | 'detail' | 'remedy' | 'reason'>;

/**
 * Judges one answer: is this the address from which the world sees us? A public server that sees a private address stands
 * behind a NAT that hides its clients (a container's bridge, a load balancer); all who ask it are told a wrong address.
 * So does one that sees its own address, unless we are on the same machine. In private networks and on one machine a
 * private address is right.
 */
export function judgeStunAnswer({ mapped, local }: Pick<StunAnswer, 'mapped' | 'local'>, server: string): Explanation {
  const seen = addressKind(mapped.address);
  const told = `${mapped.address}:${mapped.port}`;
  const throughNat = {
    remedy:
      'Let clients reach the STUN port without NAT: host networking for a container, no masquerading on forwarded ports, no UDP proxy.',
    reason: 'nat-in-the-way',
  };
  if (seen === 'unspecified' || mapped.port === 0) {
    const remedy = 'The server is broken: see which program has the port.';
    return {
      status: 'failed',
      reason: 'implausible-answer',
      detail: `it sees us as ${told}, which nobody can be`,
      remedy,
    };
  }
  // No NAT at all: what it sees is what our socket has, so the answer is true whatever kind it is.
  if (mapped.address === local.address) return { status: 'ok', detail: `it sees us as ${told}` };
  if (mapped.address === server) {
    // On a cloud machine whose public address is a NAT of the provider's, asking oneself goes through it and back.
    const detail = `it sees us as ${told}, its own address: right on the relay's own machine, else its clients' addresses are rewritten`;
    return { status: 'warning', detail, ...throughNat, reason: 'own-address' };
  }
  if (addressKind(server) === 'public' && seen !== 'public') {
    const detail = `it sees us as ${told}, a private address, though it is public itself: a NAT hides its clients`;
    return { status: 'failed', detail, ...throughNat };
  }
  if (seen === 'loopback' && addressKind(server) !== 'loopback') {
    const detail = `it sees us as ${told}: a proxy on its own machine hides its clients`;
    return { status: 'failed', detail, ...throughNat };
  }
  return { status: 'ok', detail: `it sees us as ${told}` };
}

/** Judges all answers together: the first thing wrong decides, but one silent address of several is a warning. */
export function judgeStun(outcomes: readonly StunOutcome[], port: number): Finding<'stun'> {
  const answered = outcomes.flatMap(({ server, result }) => (typeof result === 'string' ? [] : [{ server, result }]));
  const silent = outcomes.flatMap(({ server, result }) =>
    // This machine has no such address family; nothing is known of the relay then.
    typeof result === 'string' && (result !== 'unreachable' || answered.length === 0) ? [{ server, code: result }] : [],
  );
  const data = {
    answers: answered.map(({ server, result: { mapped, rttMs } }) => ({
      server,
      mapped: mapped.address,
      port: mapped.port,
      rttMs,
    })),
  };
  const verdicts = answered.map(({ server, result }) => judgeStunAnswer(result, server));
  const wrong = verdicts.find(({ status }) => status !== 'ok');
  if (wrong) return { ...wrong, data };
  if (silent.length === 0) {
    const details = verdicts.map(({ detail }, i) => `${detail}, ${formatMs(answered[i]!.result.rttMs)}`);
    return { status: 'ok', detail: details.join('; '), data };
  }
  const explanation = explainSilence(silent[0]!.code, port);
  if (answered.length === 0) return { status: 'failed', ...explanation, data };
  const addresses = silent.map(({ server }) => server).join(', ');
  return { status: 'warning', ...explanation, detail: `${addresses}: ${explanation.detail}`, data };
}

function explainSilence(code: StunErrorCode, port: number): { reason: string; detail: string; remedy: string } {
  switch (code) {
    case 'refused':
      return {
        reason: 'stun-refused',
        detail: `nothing listens on UDP port ${port}`,
        remedy: 'Check that the relay runs with STUN switched on, on this port and for this address family.',
      };
    case 'bad-answer':
      return {
        reason: 'stun-bad-answer',
        detail: `what answers on UDP port ${port} is not a STUN server`,
        remedy: 'See which program has the port.',
      };
    case 'unreachable':
      return {
        reason: 'stun-unreachable',
        detail: 'this machine could not send the request',
        remedy: 'Check the network of this machine, and its firewall for outgoing UDP.',
      };
    default:
      return {
        reason: 'stun-timed-out',
        detail: `no answer from UDP port ${port}: a firewall drops UDP, or the relay runs without STUN`,
        remedy: `Allow UDP port ${port} in the host's firewall and in the cloud provider's security group (TCP alone is not enough).`,
      };
  }
}
