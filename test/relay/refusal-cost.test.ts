/** That strangers cost little: the order only, with a wide margin; for figures see `npm run soak -- --refusals 5000`. */
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RelayProcess } from '../soak/relay-process.ts';
import { logIn } from './support/raw-client.ts';

const COUNT = 500;
const AT_ONCE = 25;
/** Speaks for strangers, as this machine itself is never kept out. */
const BALANCER = '127.0.0.9';

let relay: RelayProcess;
beforeAll(async () => {
  relay = await RelayProcess.start('bin/derp-relay.cjs', {
    allowCidr: { ranges: ['127.0.0.0/8'], files: [] },
    proxyProtocolFrom: [BALANCER],
  });
}, 60_000);
afterAll(() => relay[Symbol.asyncDispose](), 60_000);

/** A stranger, until the relay has closed the connection. */
function knock(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connectTcp({ port: relay.target.port, host: '127.0.0.1', localAddress: BALANCER });
    socket.on('error', () => {}).on('close', () => resolve());
    socket.resume().write('PROXY TCP4 203.0.113.9 127.0.0.1 40000 443\r\n');
  });
}

async function member(): Promise<void> {
  const client = await logIn(relay.target.port, { way: 'fast-start', relayKey: relay.target.publicKey });
  client.socket.destroy();
}

/** Seconds of the relay's processor time. */
async function costOf(work: () => Promise<void>, count: number): Promise<number> {
  const before = relay.cpuSeconds()!;
  for (let done = 0; done < count; done += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, work));
  return relay.cpuSeconds()! - before;
}

describe.runIf(process.platform === 'linux')('those whom an address list keeps out', () => {
  it('cost the relay less than those who are let in', { timeout: 120_000 }, async () => {
    await costOf(knock, 100);
    await costOf(member, 100);
    const refused = await costOf(knock, COUNT);
    const admitted = await costOf(member, COUNT);
    expect((await relay.vars()).addresses_refused).toBe(100 + COUNT);
    console.log(`${COUNT} refused: ${refused.toFixed(3)} s; as many admitted: ${admitted.toFixed(3)} s`);
    // About a tenth; half would still be right in order, whatever else the machine does.
    expect(refused).toBeLessThan(admitted / 2);
  });
});
