/**
 * Tailscale's own clients under a limit on what each of them may send: they are slower, and nothing else. They are told
 * the rate, and drop by themselves what is above it, as a network would; the relay holds back those who do not.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { region } from './lab/derp-map.ts';
import { namedIdentity } from './lab/identity.ts';
import { Lab, relayName } from './lab/lab.ts';
import type { TailnetNode } from './lab/node.ts';
import { until } from './lab/programs.ts';
import { Tailnet } from './lab/tailnet.ts';

const FILE_BYTES = 20_000_000;
const SLOW = 2_000_000;
const FAST = 8_000_000;

/** What a client may send at once. */
const burst = 500_000;

const rateFile = (folder: string) => join(folder, 'rate.json');

/** Writes derper's file. */
function writeRate(folder: string, bytesPerSecond: number): void {
  const rate = { PerClientRateLimitBytesPerSec: bytesPerSecond, PerClientRateBurstBytes: burst };
  writeFileSync(rateFile(folder), JSON.stringify(rate));
}

describe('two nodes that may send 2 MB a second each', () => {
  const lab = new Lab('ours', 'client-rate', (folder) => {
    writeRate(folder, SLOW);
    return ['-rate-config', rateFile(folder)];
  });
  let tailnet: Tailnet;

  beforeAll(
    lab.explained(async () => {
      const identity = await lab.open((folder) => namedIdentity(relayName, folder));
      tailnet = await Tailnet.join(lab, identity, { map: { ipv6: true } });
    }),
  );
  afterAll(() => lab.close());

  /** How often tailscaled was greeted by ServerInfo, which says the rate. */
  const greetings = (node: TailnetNode) =>
    node.log().split(`magicsock: derp-${region.id} connected; connGen=`).length - 1;

  async function ping(from: TailnetNode, to: TailnetNode): Promise<void> {
    const { stdout, stderr } = await from.ping(await to.address(), 5);
    const pongs = stdout.split(` via DERP(${region.code}) in `).length - 1;
    // The first may come before the way is known.
    expect(pongs, stdout + stderr).toBeGreaterThanOrEqual(4);
  }

  /** Moves the file, and gives the bytes a second at which it came. */
  async function transferRate(name: string): Promise<number> {
    const { sent, received, milliseconds } = await tailnet.transfer(name, { seconds: 120 });
    expect(received).toBe(sent);
    const bytesPerSecond = ((FILE_BYTES - burst) / milliseconds) * 1000;
    const { rate_pauses: pauses } = await lab.relay.vars();
    // By themselves: held back by the relay alone, they would be paused some hundred times.
    expect(pauses).toBeLessThan(30);
    console.log(
      `client rate: ${name} at ${(bytesPerSecond / 1e6).toFixed(2)} MB/s, ${pauses} pauses of senders so far`,
    );
    return bytesPerSecond;
  }

  it(
    'ping each other as ever',
    lab.explained(async () => {
      expect((await lab.relay.vars()).client_rate).toEqual({ bytes_per_second: SLOW, burst_bytes: burst });
      await Promise.all([ping(tailnet.n1, tailnet.n2), ping(tailnet.n2, tailnet.n1)]);
    }),
  );

  it(
    'move a file unharmed, at about that rate and not faster',
    lab.explained(async () => {
      const rate = await transferRate('at-2-mb');
      expect(rate).toBeLessThan(SLOW);
      expect(rate).toBeGreaterThan(SLOW / 4);
      // They are still in, by the connection of before.
      expect([tailnet.n1, tailnet.n2].map(greetings)).toEqual([1, 1]);
    }),
  );

  it(
    'keep to another rate from the moment that the file says so, without a new login',
    lab.explained(async () => {
      const { logins } = await lab.relay.vars();
      writeRate(lab.folder, FAST);
      lab.relay.reload();
      await until('both nodes to be told', 20, () => [tailnet.n1, tailnet.n2].every((node) => greetings(node) === 2));
      const rate = await transferRate('at-8-mb');
      // Faster than before: the rate that they were told at first would hold them back for ever.
      expect(rate).toBeGreaterThan(SLOW * 1.2);
      expect(rate).toBeLessThan(FAST);
      expect((await lab.relay.vars()).logins).toEqual(logins);
      await ping(tailnet.n1, tailnet.n2);
    }),
  );
});
