/**
 * Who may use our relay, decided by the real tailscaled and the real Headscale. Members are nodes of a tailnet; the
 * stranger is `tailscale debug derp`, which logs in with a key that it makes up.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { region } from './lab/derp-map.ts';
import { Headscale } from './lab/headscale.ts';
import { type Identity, namedIdentity } from './lab/identity.ts';
import { Lab, relayName } from './lab/lab.ts';
import { relayAddress } from './lab/network.ts';
import { TailnetNode } from './lab/node.ts';
import { until } from './lab/programs.ts';

const map = { ipv6: true };

/** How long it may take until everybody who may is in. */
const patience = 40;

/** Opens a lab and starts Headscale in it. */
async function openWithHeadscale(lab: Lab): Promise<{ identity: Identity; headscale: Headscale; key: string }> {
  const identity = await lab.open((folder) => namedIdentity(relayName, folder));
  const headscale = new Headscale(lab.network, lab.folder);
  lab.watch(headscale);
  lab.onClose(() => headscale.stop());
  await headscale.start(identity, map);
  return { identity, headscale, key: await headscale.authKey() };
}

/** Keeps a node's log, and stops the node when the lab is closed. */
function keep(lab: Lab, node: TailnetNode): TailnetNode {
  lab.watch(node);
  lab.onClose(() => node.stop());
  return node;
}

/** Waits until so many clients are in, and gives the time it took. */
async function untilClients(lab: Lab, count: number): Promise<number> {
  const began = Date.now();
  await until(`${count} clients`, patience, async () => (await lab.relay.vars()).clients === count);
  return Date.now() - began;
}

const reasonsIn = (lab: Lab) => lab.relay.logged('client_refused').map(({ reason }) => reason);

/** Nobody is in, and so many attempts were refused for this reason. */
async function untilAllRefused(lab: Lab, attempts: number, reason: RegExp): Promise<void> {
  await until(`${attempts} refusals`, patience, () => lab.relay.logged('client_refused').length >= attempts);
  for (const one of reasonsIn(lab)) expect(one).toMatch(reason);
  const { clients, logins } = await lab.relay.vars();
  expect({ clients, logins }).toEqual({ clients: 0, logins: { fast_start: 0, upgrade: 0, websocket: 0 } });
}

/**
 * Has a stranger knock: `tailscale debug derp` logs in with a new key, several times. It takes a connection for a success
 * before the relay has decided, so what the relay says counts: nobody was let in, and these were the reasons.
 */
async function refusalsOfStranger(lab: Lab, from: TailnetNode): Promise<Set<unknown>> {
  const before = reasonsIn(lab).length;
  const { clients, logins } = await lab.relay.vars();
  await from.debugDerp(region.id);
  expect(await lab.relay.vars()).toMatchObject({ clients, logins });
  return new Set(reasonsIn(lab).slice(before));
}

/** Whether a node reaches another through the relay. */
async function expectPing(from: TailnetNode, to: TailnetNode): Promise<void> {
  const { stdout, stderr } = await from.ping(await to.address(), 3);
  expect(stdout, stdout + stderr).toContain(` via DERP(${region.code}) in `);
}

describe('a relay that asks the tailscaled beside it', () => {
  const lab = new Lab('ours', 'admission-tailscaled', (folder) => [
    ...['-verify-clients', '-socket', `${folder}/srv/tailscaled.sock`],
  ]);
  let headscale: Headscale;
  let guard: TailnetNode;
  let n1: TailnetNode;
  let n2: TailnetNode;

  beforeAll(
    lab.explained(async () => {
      const opened = await openWithHeadscale(lab);
      headscale = opened.headscale;
      guard = keep(lab, new TailnetNode('srv', lab.network, opened.identity, lab.folder, {}, 'kept'));
      n1 = keep(lab, new TailnetNode('n1', lab.network, opened.identity, lab.folder));
      n2 = keep(lab, new TailnetNode('n2', lab.network, opened.identity, lab.folder));
      // The relay was there before the tailscaled that it asks.
      expect(lab.relay.logged('admission_unanswered')[0]?.problem).toContain(`there is no socket ${guard.socket}`);
      await Promise.all([guard, n1, n2].map((node) => node.join(headscale, opened.key)));
      await Promise.all([n1.waitForPeer(n2), n2.waitForPeer(n1), guard.waitForPeer(n1), guard.waitForPeer(n2)]);
    }),
  );
  afterAll(() => lab.close());

  it(
    'lets in the nodes of the tailnet, its own machine among them',
    lab.explained(async () => {
      await untilClients(lab, 3);
      await expectPing(n1, n2);
    }),
  );

  it(
    'refuses a key that is not of the tailnet',
    lab.explained(async () => {
      expect(await refusalsOfStranger(lab, n1)).toEqual(new Set(['not in this tailnet']));
    }),
  );

  it(
    'refuses everybody while tailscaled is stopped, and has all back by itself when it is started',
    lab.explained(async () => {
      await guard.stop();
      // Those who are in stay in.
      lab.relay.reload();
      await until('the check to fail', 10, () => lab.relay.logged('admission_unanswered').length > 1);
      expect((await lab.relay.vars()).clients).toBeGreaterThanOrEqual(2);
      expect(lab.relay.logged('client_removed')).toEqual([]);

      await lab.relay.stop();
      await lab.relay.start();
      await untilAllRefused(lab, 4, /^tailscaled does not answer: /);
      await guard.start();
      console.log(`all members were back ${await untilClients(lab, 3)} ms after tailscaled was started`);
      await expectPing(n1, n2);
    }),
  );

  it(
    'disconnects at the next check whom the tailnet has removed, and nobody else',
    lab.explained(async () => {
      const address = await n2.address();
      // Paused, so that it is not n2 that leaves.
      n2.pause();
      try {
        await headscale.deleteNode('n2');
        await until('tailscaled to know', 20, async () => {
          return !(await guard.tailscale('status', '--json')).stdout.includes(`"${address}"`);
        });
        expect((await lab.relay.vars()).clients).toBe(3);
        lab.relay.reload();
        await until('n2 to be disconnected', 10, () => lab.relay.logged('client_removed').length > 0);
        const { logins } = await lab.relay.vars();
        expect(lab.relay.logged('client_removed')).toEqual([
          expect.objectContaining({ reason: 'not in this tailnet' }),
        ]);
        await untilClients(lab, 2);
        expect((await lab.relay.vars()).logins).toEqual(logins);
      } finally {
        n2.resume();
      }
    }),
  );
});

describe("a relay that asks Headscale's /verify", () => {
  const url = `http://${relayAddress.v4}:8080/verify`;
  const lab = new Lab('ours', 'admission-url', () => ['-verify-client-url', url]);
  let headscale: Headscale;
  let n1: TailnetNode;
  let n2: TailnetNode;

  beforeAll(
    lab.explained(async () => {
      const opened = await openWithHeadscale(lab);
      headscale = opened.headscale;
      n1 = keep(lab, new TailnetNode('n1', lab.network, opened.identity, lab.folder));
      n2 = keep(lab, new TailnetNode('n2', lab.network, opened.identity, lab.folder));
      await Promise.all([n1, n2].map((node) => node.join(headscale, opened.key)));
      await Promise.all([n1.waitForPeer(n2), n2.waitForPeer(n1)]);
    }),
  );
  afterAll(() => lab.close());

  it(
    'lets in the nodes that Headscale knows',
    lab.explained(async () => {
      await untilClients(lab, 2);
      await expectPing(n1, n2);
    }),
  );

  it(
    'refuses a key that Headscale does not know',
    lab.explained(async () => {
      expect(await refusalsOfStranger(lab, n1)).toEqual(new Set(['the admission URL says no']));
    }),
  );

  it(
    'refuses everybody while Headscale is down, and has all back by itself when it is up',
    lab.explained(async () => {
      await headscale.stop();
      await lab.relay.stop();
      await lab.relay.start();
      await untilAllRefused(lab, 3, /^the admission URL cannot be reached: /);
      await headscale.resume();
      console.log(`all members were back ${await untilClients(lab, 2)} ms after Headscale was up`);
      await expectPing(n1, n2);
    }),
  );

  it(
    'disconnects at the next check whom Headscale has deleted, and lets it in no more',
    lab.explained(async () => {
      // Paused, so that it is not n2 that leaves.
      n2.pause();
      try {
        await headscale.deleteNode('n2');
        expect((await lab.relay.vars()).clients).toBe(2);
        lab.relay.reload();
        await until('n2 to be disconnected', 10, () => lab.relay.logged('client_removed').length > 0);
        expect(lab.relay.logged('client_removed')).toEqual([
          expect.objectContaining({ reason: 'the admission URL says no' }),
        ]);
        await untilClients(lab, 1);
      } finally {
        n2.resume();
      }
      // It tries again as soon as it notices.
      const refusals = reasonsIn(lab).length;
      await until('n2 to be refused', patience, () => reasonsIn(lab).length > refusals);
      expect(reasonsIn(lab).at(-1)).toBe('the admission URL says no');
      expect((await lab.relay.vars()).clients).toBe(1);
    }),
  );
});
