/**
 * A tailnet of one's own: Headscale, two tailscaled, and a relay that is the only way between them. The same scenario
 * is run with our relay and with derper: where derper fails too, the test is wrong.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { region } from './lab/derp-map.ts';
import { type Identity, namedIdentity, pinnedIdentity, withWrongPin } from './lab/identity.ts';
import { Lab, relayName } from './lab/lab.ts';
import { nodeAddress } from './lab/network.ts';
import type { TailnetNode } from './lab/node.ts';
import { type ServerKind, serversUnderTest } from './lab/settings.ts';
import { Tailnet, type TailnetOptions } from './lab/tailnet.ts';

/** A way for the nodes to know the relay and to reach it. */
interface Way extends TailnetOptions {
  readonly title: string;
  readonly label: string;
  readonly identity: (folder: string) => Promise<Identity>;
  /** By which of our counters n1 has logged in; n2 always takes the fast start. */
  readonly login: 'fast_start' | 'websocket';
}

const ways: readonly Way[] = [
  {
    title: 'by name, with a CA-signed certificate',
    label: 'name',
    identity: (folder) => namedIdentity(relayName, folder),
    map: { ipv6: true },
    login: 'fast_start',
  },
  {
    title: 'by IP address, with a pinned self-signed certificate',
    label: 'pin',
    identity: pinnedIdentity,
    map: { ipv6: false },
    login: 'fast_start',
  },
  {
    title: 'by name, one of them over WebSocket',
    label: 'websocket',
    identity: (folder) => namedIdentity(relayName, folder),
    map: { ipv6: true },
    environmentOfN1: { TS_DEBUG_DERP_WS_CLIENT: '1' },
    login: 'websocket',
  },
];

/** What tailscaled logs when it could not measure the latency over HTTPS. */
const httpsFailure = `measuring HTTPS latency of ${region.code} (${region.id}): `;

const servers = serversUnderTest();

for (const kind of servers) {
  for (const way of ways) describe(`two nodes that know ${kind} ${way.title}`, () => scenario(kind, way));
}

function scenario(kind: ServerKind, way: Way) {
  const { label, map } = way;
  const lab = new Lab(kind, label);
  let tailnet: Tailnet;

  beforeAll(
    lab.explained(async () => {
      tailnet = await Tailnet.join(lab, await lab.open(way.identity), way);
    }),
  );
  afterAll(() => lab.close());

  it(
    'have no other way to each other',
    lab.explained(async () => {
      expect(await tailnet.reachableDirectly('srv'), 'from the relay').toBe(true);
      expect(await tailnet.reachableDirectly('n1'), 'from the other node').toBe(false);
    }),
  );

  it(
    'ping each other through it',
    lab.explained(async () => {
      await Promise.all([pingThroughRelay(tailnet.n1, tailnet.n2), pingThroughRelay(tailnet.n2, tailnet.n1)]);
    }),
  );

  it(
    'move 20 MB through it unharmed',
    lab.explained(async () => {
      const before = await lab.network.bytesSentTo('n1');
      const { sent, received, milliseconds } = await tailnet.transfer('received', { seconds: 60 });
      expect(received).toBe(sent);
      expect((await lab.network.bytesSentTo('n1')) - before, 'bytes through the relay').toBeGreaterThan(20_000_000);
      // tailscaled hides a broken connection by making another; it logs the break.
      for (const node of [tailnet.n1, tailnet.n2])
        expect(linesWith(node, `derp.Recv(derp-${region.id}): `)).toEqual([]);
      console.log(`${kind}, ${label}: 20 MB in ${(milliseconds / 1000).toFixed(1)} s`);
    }),
  );

  it(
    'find it by netcheck, with a latency and their own address',
    lab.explained(async () => {
      const { stdout } = await tailnet.n1.tailscale('netcheck', '--bind-port=45678');
      expect(stdout).toMatch(/\* UDP: true$/m);
      expect(stdout).toContain(`* IPv4: yes, ${nodeAddress.n1.v4}:45678`);
      if (map.ipv6) expect(stdout).toContain(`* IPv6: yes, [${nodeAddress.n1.v6}]:45678`);
      expect(stdout).toContain(`* Nearest DERP: ${region.name}`);
      expect(stdout).toMatch(new RegExp(`- ${region.code}: [\\d.]+(µs|ms|s) +\\(${region.name}\\)`));
    }),
  );

  it(
    'measure it over HTTPS too, and see no captive portal in its answer on port 80',
    lab.explained(async () => {
      for (const node of [tailnet.n1, tailnet.n2]) {
        // tailscaled keeps off UDP here, by TS_DEBUG_ALWAYS_USE_DERP.
        expect(linesWith(node, 'UDP is blocked, trying HTTPS')).not.toEqual([]);
        expect(linesWith(node, httpsFailure)).toEqual([]);
        expect(linesWith(node, 'DetectCaptivePortal(found=false')).not.toEqual([]);
        expect(linesWith(node, 'DetectCaptivePortal(found=true')).toEqual([]);
      }
    }),
  );

  it(
    'find no fault in it by debug derp',
    lab.explained(async () => {
      const report = await tailnet.n1.debugDerp(region.id);
      const whole = JSON.stringify(report, undefined, 2);
      const errors = report.Errors ?? [];
      // A map without an IPv6 address is the one error that is right.
      expect(
        errors.filter((error) => !/over IPv6/.test(error)),
        whole,
      ).toEqual([]);
      expect(errors.length, whole).toBe(map.ipv6 ? 0 : 1);
      // No warning about port 80 or STUN; that a single region is a risk is true here.
      expect(
        (report.Warnings ?? []).filter((warning) => !/only a single DERP region/.test(warning)),
        whole,
      ).toEqual([]);
      const info = (report.Info ?? []).join('\n');
      expect(info).toContain('Successfully established a DERP connection');
      expect(info).toMatch(new RegExp(`returned IPv4 STUN response: ${nodeAddress.n1.v4.replaceAll('.', '\\.')}:\\d+`));
      if (map.ipv6) expect(info).toContain('has working IPv4 and IPv6 connectivity');
    }),
  );

  if (kind === 'ours') {
    it(
      'have logged in by the fast start, or the WebSocket where it was asked for',
      lab.explained(async () => {
        const { logins } = await lab.relay.vars();
        expect(logins.upgrade).toBe(0);
        if (way.login === 'websocket') {
          expect(logins.websocket).toBeGreaterThanOrEqual(1);
          expect(logins.fast_start).toBeGreaterThanOrEqual(1);
        } else {
          expect(logins.websocket).toBe(0);
          expect(logins.fast_start).toBeGreaterThanOrEqual(2);
        }
      }),
    );
  }

  it(
    'are back by themselves after it was restarted in the middle of a transfer',
    lab.explained(async () => {
      const before = await lab.network.bytesSentTo('n1');
      const transfer = tailnet.transfer('received-across-restart', { seconds: 100, bytesPerSecond: 4_000_000 });
      // Its failure is looked at below; until then it must not count as unhandled.
      transfer.catch(() => {});
      await delay(1500);
      const moved = (await lab.network.bytesSentTo('n1')) - before;
      expect(moved, 'bytes moved before the restart').toBeGreaterThan(1_000_000);
      expect(moved, 'bytes moved before the restart').toBeLessThan(15_000_000);

      const told = Date.now();
      expect(await lab.relay.stop()).toBe('exit code 0');
      const ended = Date.now();
      // Long enough that the nodes try in vain at least once.
      await delay(2000);
      await lab.relay.start();
      const up = Date.now();
      await tailnet.waitUntilConnected(60);
      const back = Date.now();
      const { sent, received } = await transfer;
      const seconds = (from: number, to = Date.now()) => `${((to - from) / 1000).toFixed(1)} s`;
      console.log(
        `${kind}, ${label}: the relay ended ${seconds(told, ended)} after it was told to stop, and was away for ` +
          `${seconds(ended, up)}; both nodes were back ${seconds(up, back)} later, the transfer done ${seconds(up)} later`,
      );
      expect(received).toBe(sent);
      await Promise.all([pingThroughRelay(tailnet.n1, tailnet.n2), pingThroughRelay(tailnet.n2, tailnet.n1)]);
      if (kind === 'ours') {
        const { clients, logins } = await lab.relay.vars();
        expect(clients).toBe(2);
        expect(logins[way.login]).toBeGreaterThanOrEqual(1);
      }
    }),
  );

  it(
    'are told by it when the other has gone',
    lab.explained(async () => {
      const address = await tailnet.n2.address();
      const notHere = `derp-${region.id} does not know about peer`;
      // The restart may have brought some already: n1 can be back before n2 is.
      const before = linesWith(tailnet.n1, notHere).length;
      await tailnet.n2.stop('SIGKILL');
      const { code, stdout } = await tailnet.n1.ping(address, 2);
      expect(stdout).not.toContain('pong from ');
      expect(code).not.toBe(0);
      expect(linesWith(tailnet.n1, notHere).length).toBeGreaterThan(before);
    }),
  );
}

describe.each(servers)('two nodes whose map has another pin than %s', (kind) => {
  const lab = new Lab(kind, 'wrong-pin');
  let tailnet: Tailnet;
  const mismatch = 'cert hash does not match expected cert hash';

  beforeAll(
    lab.explained(async () => {
      const identity = await lab.open(pinnedIdentity);
      tailnet = await Tailnet.join(lab, withWrongPin(identity), { map: { ipv6: false } });
    }),
  );
  afterAll(() => lab.close());

  it(
    'refuse it, and so cannot reach each other',
    lab.explained(async () => {
      const ping = await tailnet.n1.ping(await tailnet.n2.address(), 3);
      expect(ping.stdout).not.toContain('pong from ');
      expect(ping.code).not.toBe(0);
      const { Errors } = await tailnet.n1.debugDerp(region.id);
      expect((Errors ?? []).join('\n')).toContain(mismatch);
      for (const node of [tailnet.n1, tailnet.n2]) {
        expect(linesWith(node, `derp.Recv(derp-${region.id}): `).join('\n')).toContain(mismatch);
        expect(linesWith(node, httpsFailure).join('\n')).toContain(mismatch);
      }
      if (kind === 'ours') {
        const { logins } = await lab.relay.vars();
        expect(logins).toMatchObject({ fast_start: 0, upgrade: 0, websocket: 0 });
      }
    }),
  );

  it(
    'reach its STUN server all the same: nothing but the pin is in the way',
    lab.explained(async () => {
      const { stdout } = await tailnet.n1.tailscale('netcheck');
      expect(stdout).toContain(`* Nearest DERP: ${region.name}`);
    }),
  );
});

/** The lines of a node's log with a text in them. */
function linesWith(node: TailnetNode, text: string): string[] {
  return node
    .log()
    .split('\n')
    .filter((line) => line.includes(text));
}

/** `tailscale ping`, three times; the first may be lost while the nodes get to know each other. */
async function pingThroughRelay(from: TailnetNode, to: TailnetNode): Promise<void> {
  const { stdout, stderr } = await from.ping(await to.address(), 3);
  const pongs = stdout.split('\n').filter((line) => line.startsWith('pong from '));
  expect(pongs.length, stdout + stderr).toBeGreaterThanOrEqual(2);
  for (const pong of pongs) expect(pong).toContain(` via DERP(${region.code}) in `);
}
