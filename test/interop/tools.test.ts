/** The relay as Tailscale's own checking tools see it, by name and with a certificate that they trust. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MapOptions, region, tailscaleMap } from './lab/derp-map.ts';
import { type Identity, namedIdentity } from './lab/identity.ts';
import { Lab, relayName } from './lab/lab.ts';
import { nodeAddress, relayAddress } from './lab/network.ts';
import { until } from './lab/programs.ts';
import { serversUnderTest, tool } from './lab/settings.ts';

const terminator = fileURLToPath(new URL('lab/helpers/tls-terminator.mjs', import.meta.url));
const terminatorPort = 8443;

/** Flags by which derpprobe also sends so many bytes from one client to another. */
function bandwidth(bytes: number): string[] {
  return ['-bw-interval', '5s', '-bw-probe-size-bytes', String(bytes)];
}

/** derpprobe's names for its checks of a region with one node. */
const check = {
  map: 'derpmap-probe',
  tls: `derp/${region.code}/${region.node}/tls`,
  udp4: `derp/${region.code}/${region.node}/udp`,
  udp6: `derp/${region.code}/${region.node}/udp6`,
  mesh: `derp/${region.code}/${region.node}/${region.node}/mesh`,
  bandwidth: `derp/${region.code}/${region.node}/${region.node}/bw`,
};

describe.each(serversUnderTest())("Tailscale's tools against %s", (kind) => {
  const lab = new Lab(kind, 'tools');
  let identity: Identity;

  beforeAll(
    lab.explained(async () => {
      identity = await lab.open((folder) => namedIdentity(relayName, folder));
    }),
  );
  afterAll(() => lab.close());

  /** Runs derpprobe on n1 and gives the names of its checks that were good and bad. */
  async function derpprobe(map: MapOptions, flags: string[], env: Record<string, string> = {}) {
    const mapFile = join(lab.folder, 'derp-map.json');
    writeFileSync(mapFile, tailscaleMap(identity, map));
    const command = [tool('derpprobe'), '-derp-map', `file://${mapFile}`, '-once', '-spread=false', ...flags];
    const options = { seconds: 75, env: { ...identity.clientEnvironment, ...env }, accept: 'any' } as const;
    const { code, stderr } = await lab.network.run('n1', command, options);
    const named = (verdict: string) =>
      [...stderr.matchAll(new RegExp(` ${verdict}: ([^\\s:]+): `, 'g'))].map((m) => m[1]);
    return { code, good: named('good').sort(), bad: named('bad').sort(), output: stderr };
  }

  it(
    'satisfies derpprobe: TLS, UDP over IPv4 and IPv6, mesh of one, 20 MB of bandwidth',
    lab.explained(async () => {
      const result = await derpprobe({ ipv6: true }, bandwidth(20_000_000));
      expect(result.bad, result.output).toEqual([]);
      expect(result.good, result.output).toEqual(Object.values(check).sort());
      expect(result.output).toContain(' 20000000 bytes ');
      expect(result.code, result.output).toBe(0);
    }),
  );

  it(
    'is found wanting by derpprobe when it is away',
    lab.explained(async () => {
      await lab.relay.stop();
      try {
        const result = await derpprobe({ ipv6: false }, ['-region-code', region.code]);
        expect(result.bad, result.output).toEqual([check.tls, check.udp4, check.mesh].sort());
        expect(result.code, result.output).toBe(1);
      } finally {
        await lab.relay.start();
      }
    }),
  );

  it(
    'satisfies derpprobe through a TLS proxy, where clients cannot take the fast start',
    lab.explained(async () => {
      const files = [`${identity.certificates}/${identity.host}.crt`, `${identity.certificates}/${identity.host}.key`];
      const target = [identity.host, relayAddress.v4, '443'];
      const command = [process.execPath, terminator, String(terminatorPort), ...files, ...target];
      const proxy = lab.keep(lab.network.start('srv', command, join(lab.folder, 'tls-terminator.log')));
      await until('the TLS proxy to listen', 10, () => proxy.log().includes(' leads to '));
      const before = kind === 'ours' ? await lab.relay.vars() : undefined;
      const result = await derpprobe({ ipv6: false, port: terminatorPort }, bandwidth(20_000_000));
      expect(result.bad, result.output).toEqual([]);
      expect(result.good, result.output).toContain(check.mesh);
      expect(result.good, result.output).toContain(check.bandwidth);
      if (before) {
        const { logins } = await lab.relay.vars();
        expect(logins.upgrade - before.logins.upgrade).toBeGreaterThanOrEqual(4);
        expect(logins.fast_start).toBe(before.logins.fast_start);
      }
    }),
  );

  it(
    "carries derpprobe's packets over WebSocket",
    lab.explained(async () => {
      const before = kind === 'ours' ? await lab.relay.vars() : undefined;
      // derpprobe's packets have 64 KiB, if there is as much to send; derper reads no WebSocket message over 32 KiB.
      const bytes = kind === 'derper' ? 30_000 : 20_000_000;
      const result = await derpprobe({ ipv6: true }, bandwidth(bytes), { TS_DEBUG_DERP_WS_CLIENT: '1' });
      expect(result.good, result.output).toContain(check.bandwidth);
      // The mesh check looks at the connection's TLS, which Tailscale's WebSocket client does not show it.
      expect(result.bad, result.output).toEqual([check.mesh]);
      expect(result.output).toContain('no TLS state');
      if (before) {
        const { logins } = await lab.relay.vars();
        expect(logins.websocket - before.logins.websocket).toBeGreaterThanOrEqual(2);
        expect(logins.fast_start).toBe(before.logins.fast_start);
        expect(logins.upgrade).toBe(before.logins.upgrade);
      }
    }),
  );

  it.each([
    { family: 'IPv4', server: relayAddress.v4, client: nodeAddress.n1.v4 },
    { family: 'IPv6', server: relayAddress.v6, client: nodeAddress.n1.v6 },
  ])('answers stunc over $family with the address that it asked from', ({ server, client }) =>
    lab.explained(async () => {
      const { stderr } = await lab.network.run('n1', [tool('stunc'), server, '3478'], { seconds: 10 });
      const from = /^from addr: (.+):3478$/m.exec(stderr)?.[1];
      const mapped = /^stun addr: (.+):(\d+)$/m.exec(stderr);
      expect(plain(from), stderr).toBe(server);
      expect(plain(mapped?.[1]), stderr).toBe(client);
      expect(Number(mapped?.[2]), stderr).toBeGreaterThan(1023);
    })(),
  );

  it(
    'is not heard by stunc when it is away',
    lab.explained(async () => {
      const silent = [tool('stunc'), '-timeout', '1s', relayAddress.v4, '3479'];
      const { code } = await lab.network.run('n1', silent, { seconds: 10, accept: 'any' });
      expect(code).toBe(1);
    }),
  );
});

/** An address without the brackets that Go prints around IPv6, and without its IPv6 form of IPv4 addresses. */
function plain(address: string | undefined): string | undefined {
  return address?.replace(/^\[(.*)\]$/, '$1').replace(/^::ffff:/, '');
}
