/** Looks at a relay as a client would, from the name to packets that arrive. */
import { performance } from 'node:perf_hooks';
import type { Check, CheckId, Finding, ProbeOptions } from './check.ts';
import { judgeRelayCertificate } from './judge-tls.ts';
import { readSettings } from './settings.ts';
import { checkCaptivePortal } from './steps/captive-portal.ts';
import { checkLogin, checkWebSocket } from './steps/login.ts';
import { checkResolve, checkTcp } from './steps/network.ts';
import { checkRelay } from './steps/relay.ts';
import { checkStun } from './steps/stun.ts';
import { checkTls } from './steps/tls.ts';

/**
 * Checks a relay and yields each finding as soon as it is there, one for each of `checkIds` in that order. A check that
 * builds on a failed one is skipped. It connects about seven times, and leaves nothing open.
 * @throws RangeError for options that make no sense; the signal's reason when the probe is given up
 */
export async function* probeRelay(options: ProbeOptions): AsyncGenerator<Check, void, undefined> {
  const settings = readSettings(options);
  const run = async <Id extends CheckId>(id: Id, check: () => Promise<Finding<Id>>): Promise<Check<Id>> => {
    settings.signal.throwIfAborted();
    options.onStart?.(id);
    const begun = performance.now();
    const finding = await check();
    return { id, ok: finding.status !== 'failed', ...finding, ms: performance.now() - begun };
  };

  const resolve = yield* tell(await run('resolve', () => checkResolve(settings)));
  const addresses = resolve.data?.addresses ?? [];
  if (!resolve.ok) {
    yield* skipAll(['tcp', 'tls', 'certificate', 'login', 'relay', 'websocket', 'stun', 'captive-portal'], 'resolve');
    return;
  }
  yield* probeDerp();
  yield settings.stunPort < 0
    ? switchedOff('stun', 'STUN is switched off')
    : await run('stun', () => checkStun(settings, addresses));
  yield settings.httpPort < 0
    ? switchedOff('captive-portal', 'the HTTP port is switched off')
    : await run('captive-portal', () => checkCaptivePortal(settings, addresses));

  async function* probeDerp(): AsyncGenerator<Check, void, undefined> {
    const tcp = yield* tell(await run('tcp', () => checkTcp(settings, addresses)));
    if (!tcp.ok) return yield* skipAll(['tls', 'certificate', 'login', 'relay', 'websocket'], 'tcp');
    // The later steps are about the relay, not about which of its addresses answer.
    const reached = tcp.data!.reached;
    let hasFastStart = false;
    let protocol: string | undefined;
    if (settings.tls) {
      const { session, check } = await runWith('tls', () => checkTls(settings, reached));
      yield check;
      if (!session) return yield* skipAll(['certificate', 'login', 'relay', 'websocket'], 'tls');
      const judge = async () => judgeRelayCertificate(session, settings, new Date());
      const certificate = yield* tell(await run('certificate', judge));
      if (!certificate.ok) return yield* skipAll(['login', 'relay', 'websocket'], 'certificate');
      hasFastStart = session.relay !== undefined;
      protocol = session.protocol;
    } else {
      yield switchedOff('tls', 'plain HTTP was asked for');
      yield switchedOff('certificate', 'plain HTTP was asked for');
    }
    const { relayKey, check: login } = await runWith('login', () => checkLogin(settings, reached, protocol));
    yield login;
    if (!relayKey) return yield* skipAll(['relay', 'websocket'], 'login');
    yield await run('relay', () => checkRelay(settings, reached, relayKey, hasFastStart));
    yield await run('websocket', () => checkWebSocket(settings, reached, relayKey));
  }

  /** As `run`, for a check that finds out more than it tells. */
  async function runWith<Id extends CheckId, Result extends { finding: Finding<Id> }>(
    id: Id,
    work: () => Promise<Result>,
  ): Promise<Omit<Result, 'finding'> & { check: Check<Id> }> {
    let result: Result | undefined;
    const check = await run(id, async () => {
      result = await work();
      return result.finding;
    });
    const { finding, ...more } = result!;
    return { ...more, check };
  }
}

/** Yields a check and gives it back. */
async function* tell<Id extends CheckId>(check: Check<Id>): AsyncGenerator<Check, Check<Id>, undefined> {
  yield check;
  return check;
}

function* skipAll(ids: readonly CheckId[], because: CheckId): Generator<Check> {
  for (const id of ids) yield { id, ok: false, status: 'skipped', detail: `not checked, as ${because} failed` };
}

function switchedOff(id: CheckId, why: string): Check {
  return { id, ok: true, status: 'skipped', detail: `not checked: ${why}` };
}
