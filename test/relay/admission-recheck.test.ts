/** Clients that are in, and what becomes of them. Whoever plays tailscaled here is not the real one: see test/interop. */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { formatPublicKey, generateKeyPair, type KeyPair } from '../../src/protocol/keys.ts';
import { AnswerCache } from '../../src/relay/admission/answer-cache.ts';
import { type CheckedSession, Recheck, type RecheckTimes } from '../../src/relay/admission/recheck.ts';
import { Counters } from '../../src/relay/counters.ts';
import { createLog } from '../../src/relay/log.ts';
import type { Verdict } from '../../src/relay/sessions/admission.ts';
import { temporaryDirectory } from '../temporary.ts';
import { FakeTailscaled } from './support/admission-servers.ts';
import { logIn } from './support/raw-client.ts';
import { startTestRelay } from './support/test-relay.ts';

describe('a relay that asks tailscaled', () => {
  const soon = { interval: 50, pause: 1, spread: 10 };
  const never = { interval: 3_600_000 };

  async function scenario(recheck: Partial<RecheckTimes>) {
    const fake = new FakeTailscaled();
    const socket = join(temporaryDirectory(), 'tailscaled.sock');
    const listening = await fake.listen(socket);
    const server = await startTestRelay({ admission: { tailscaled: { socket } } }, { recheck });
    const toEnd: AsyncDisposable[] = [listening, server];
    const enter = async (pair: KeyPair) => {
      fake.add(pair.publicKey);
      const client = await logIn(server.port, { secret: pair.privateKey });
      toEnd.push(client);
      return client;
    };
    const leave = (pair: KeyPair) => fake.nodes.delete(formatPublicKey(pair.publicKey));
    const removed = () => server.log.filter(({ event }) => event === 'client_removed');
    const end = async () => {
      for (const one of toEnd.reverse()) await one[Symbol.asyncDispose]();
    };
    return { fake, server, listening, enter, leave, removed, [Symbol.asyncDispose]: end };
  }

  it('disconnects at the next check who has left the tailnet, and only them', async () => {
    await using it = await scenario(soon);
    const [stays, goes] = [generateKeyPair(), generateKeyPair()];
    const one = await it.enter(stays);
    const two = await it.enter(goes);
    const twin = await it.enter(goes);
    it.leave(goes);
    await Promise.all([two.untilClosed(), twin.untilClosed()]);
    await one.settled();
    expect(it.removed()).toHaveLength(2);
    expect(it.removed()[0]).toMatchObject({ reason: 'not in this tailnet', address: '127.0.0.1' });
    expect(it.server.relay.snapshot()).toMatchObject({ clients: 1, admission_removals: 2 });
    // Checked again and again, and still in.
    const before = it.fake.whoIsQuestions.length;
    await expect.poll(() => it.fake.whoIsQuestions.length).toBeGreaterThan(before + 3);
    await one.settled();
  });

  it('checks at a reload too, without the answers it remembers', async () => {
    await using it = await scenario(never);
    const pair = generateKeyPair();
    const client = await it.enter(pair);
    it.leave(pair);
    await it.server.relay.reload();
    await client.untilClosed();
    await expect(logIn(it.server.port, { secret: pair.privateKey })).rejects.toThrow(/closed/);
  });

  it.each(['gone', 'in no tailnet', 'broken'])('disconnects nobody while tailscaled is %s', async (how) => {
    await using it = await scenario(soon);
    const client = await it.enter(generateKeyPair());
    if (how === 'gone') await it.listening[Symbol.asyncDispose]();
    if (how === 'in no tailnet') it.fake.state = 'NoState';
    if (how === 'broken') it.fake.instead = (_, response) => response.writeHead(500).end() !== undefined;
    await expect.poll(() => it.server.count('admission_failures')).toBeGreaterThan(3);
    await client.settled();
    expect(it.removed()).toEqual([]);
    // Said once, not at every check.
    expect(it.server.log.filter(({ event }) => event === 'admission_unanswered')).toHaveLength(1);
  });
});

describe('a round of checks', () => {
  /** Sessions that only remember whether they were closed, and an admission that the test answers. */
  function round(count: number, times: Partial<RecheckTimes> = {}) {
    const sessions = new Set<CheckedSession>();
    const closed: string[] = [];
    const asked: string[] = [];
    const verdicts = new Map<string, Verdict>();
    for (let i = 0; i < count; i++) {
      const address = `198.51.100.${i}`;
      const session: CheckedSession = {
        key: Buffer.alloc(32, i),
        origin: { address },
        close: () => {
          closed.push(address);
          sessions.delete(session);
        },
      };
      sessions.add(session);
    }
    const counters = new Counters();
    const recheck = new Recheck({
      sessions,
      judgeAlone: () => undefined,
      ask: ({ address }) => {
        asked.push(address);
        return Promise.resolve(verdicts.get(address) ?? { admitted: true });
      },
      times: { interval: 3_600_000, pause: 5, spread: 1000, ...times },
      log: createLog('silent', () => {}),
      counters,
    });
    return { recheck, sessions, closed, asked, verdicts, counters };
  }

  it('is spread over time, and over no more than its time', async () => {
    const spread = round(20, { pause: 5, spread: 1000 });
    let began = performance.now();
    spread.recheck.begin();
    expect(spread.asked).toHaveLength(1);
    await expect.poll(() => spread.asked.length).toBe(20);
    expect(performance.now() - began).toBeGreaterThan(70);
    const dense = round(20, { pause: 10_000, spread: 100 });
    began = performance.now();
    dense.recheck.begin();
    await expect.poll(() => dense.asked.length, { timeout: 5000 }).toBe(20);
    expect(performance.now() - began).toBeLessThan(3000);
  });

  it('passes over who has left meanwhile, and who has not logged in', async () => {
    const { recheck, sessions, asked } = round(3);
    const [, second] = sessions;
    sessions.add({ key: undefined, origin: { address: 'x' }, close: () => {} });
    recheck.begin();
    sessions.delete(second!);
    await expect.poll(() => asked.length).toBe(2);
    await delay(50);
    expect(asked).toEqual(['198.51.100.0', '198.51.100.2']);
  });

  it('ends when another begins, or when the relay stops', async () => {
    const { recheck, asked } = round(50, { pause: 20, spread: 10_000 });
    recheck.begin();
    recheck.begin();
    expect(asked).toEqual(['198.51.100.0', '198.51.100.0']);
    await expect.poll(() => asked.length).toBe(4);
    expect(asked.slice(2)).toEqual(['198.51.100.1', '198.51.100.2']);
    recheck.stop();
    await delay(60);
    expect(asked).toHaveLength(4);
  });

  it('closes on a no, and not for want of an answer', async () => {
    const { recheck, closed, asked, verdicts, counters } = round(3);
    verdicts.set('198.51.100.0', { admitted: false, reason: 'no' });
    verdicts.set('198.51.100.1', { admitted: false, reason: 'nobody there', unanswered: true });
    recheck.begin();
    await expect.poll(() => asked.length).toBe(3);
    expect(closed).toEqual(['198.51.100.0']);
    expect(counters.admissionRemovals).toBe(1);
  });
});

describe('remembered answers', () => {
  const yes = { allow: true } as const;
  const no = { allow: false, reason: 'x' } as const;

  it('are believed for their time', () => {
    const cache = new AnswerCache({ yes: 10, no: 3, entries: 9 });
    cache.keep('a', yes, 0);
    cache.keep('b', no, 0);
    expect([cache.find('a', 2), cache.find('b', 2), cache.find('c', 2)]).toEqual([yes, no, undefined]);
    expect([cache.find('a', 9), cache.find('b', 3)]).toEqual([yes, undefined]);
    expect(cache.find('a', 10)).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it('make room for others when they are not used', () => {
    const cache = new AnswerCache({ yes: 10, no: 10, entries: 2 });
    cache.keep('a', yes, 0);
    cache.keep('b', yes, 0);
    cache.find('a', 1);
    cache.keep('c', yes, 1);
    expect(['a', 'b', 'c'].map((subject) => cache.find(subject, 2) === yes)).toEqual([true, false, true]);
    cache.keep('c', no, 2);
    expect(cache.find('c', 2)).toBe(no);
    for (let i = 0; i < 1000; i++) cache.keep(`stranger ${i}`, no, 3);
    expect(cache.size).toBe(2);
  });
});
