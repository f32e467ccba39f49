import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../fuzz/random.ts';
import { faults } from '../soak/faults/all.ts';
import { silence } from '../soak/faults/strangers.ts';
import { makeGuard } from '../soak/guard.ts';
import { SteadyPair } from '../soak/steady-pair.ts';
import type { Target } from '../soak/target.ts';
import { startTestRelay, type TestRelay } from './support/test-relay.ts';

// One strike of each fault, in this process; `npm run soak` does the same to a relay of its own for as long as one likes.
const seed = Date.now();
let guarded: Awaited<ReturnType<typeof makeGuard>>;
let server: TestRelay;
let pair: SteadyPair;
let target: Target;
const latencies: number[] = [];

beforeAll(async () => {
  guarded = await makeGuard();
  server = await startTestRelay({ httpPort: 0, stunPort: 0, logLevel: 'info', ...guarded.settings });
  const { relay, config, port } = server;
  target = {
    port,
    httpPort: relay.ports.http,
    stunPort: relay.ports.stun,
    publicKey: relay.publicKey,
    certificate: config.certificate!,
    guard: guarded.guard,
    // A reload that is refused keeps what there was; what that was, the fault looks at.
    reload: () => relay.reload().catch(() => {}),
  };
  pair = await SteadyPair.start(port, { every: 5, onLatency: (milliseconds) => latencies.push(milliseconds) });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await guarded[Symbol.asyncDispose]();
});

const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

describe(`faults, seed ${seed}`, () => {
  // That silence is ended takes 10 s, and silence.test.ts looks at it.
  const quick = faults.filter((fault) => fault !== silence);
  it.each(quick.map((fault) => [fault.name, fault] as const))('%s', { timeout: 60_000 }, async (_, fault) => {
    await fault.strike(target, new Random(seed));
  });

  it('all at once', { timeout: 60_000 }, async () => {
    await Promise.all(quick.map((fault, i) => fault.strike(target, new Random(seed, i + 1))));
  });

  it('the good pair has lost nothing, and nothing is left of the others', { timeout: 60_000 }, async () => {
    await expect.poll(() => server.count('clients'), { timeout: 20_000 }).toBe(2);
    await expect.poll(() => server.count('duplicate_keys')).toBe(0);
    const { sent, ...rest } = await pair.finish();
    expect(rest).toEqual({ received: sent, lost: 0, disordered: 0, closed: false });
    expect(sent).toBeGreaterThan(100);
    await expect.poll(() => server.count('queued_bytes')).toBe(0);
    await expect.poll(sockets, { timeout: 20_000 }).toBe(0);
    expect(server.count('internal_errors')).toBe(0);
    latencies.sort((a, b) => a - b);
    const p99 = latencies[Math.floor(latencies.length * 0.99)]!;
    console.log(`p99 of the good pair: ${p99.toFixed(1)} ms, of ${sent} packets`);
  });
});
