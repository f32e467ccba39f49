import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { formatPublicKey, generateKeyPair, shortKey } from '../../../src/protocol/keys.ts';
import { gatherTailnet, parseTailnetNodes, parseTailnetRelays } from '../../../src/setup/doctor/gather/tailnet.ts';
import { temporaryDirectory } from '../../temporary.ts';

const { publicKey } = generateKeyPair();
const key = formatPublicKey(publicKey);

// As tailscaled 1.102.3 answers, shortened.
const map = JSON.stringify({
  Regions: {
    '1': { RegionID: 1, RegionCode: 'nyc', Nodes: [{ Name: '1f', RegionID: 1, HostName: 'derp1f.tailscale.com' }] },
    '900': {
      RegionID: 900,
      RegionCode: 'mine',
      Nodes: [
        { Name: '900a', HostName: 'a.example.com', CertName: 'x', IPv4: '203.0.113.7', DERPPort: 8443, STUNPort: -1 },
        { Name: '900s', HostName: 's.example.com', IPv6: 'none', STUNOnly: true, InsecureForTests: true },
      ],
    },
  },
});
const status = JSON.stringify({
  BackendState: 'Running',
  Self: { PublicKey: key, HostName: 'vps', DNSName: 'relay.tail1234.ts.net.', KeyExpiry: '2027-01-02T03:04:05Z' },
  Peer: {
    a: { PublicKey: key, HostName: 'phone', DNSName: '' },
    b: { PublicKey: key, HostName: 'se-sto-1', DNSName: 'se-sto-1.mullvad.ts.net.' },
    c: { PublicKey: 'nodekey:short', HostName: 'broken' },
  },
});

const nothing = ['', 'null', '[]', '7', '{}', '{"Regions": null, "Self": 3, "Peer": []}', '{"Regions": {"1": null}'];

describe('the map of a tailnet', () => {
  it('is read with what clients take for missing values', () => {
    const defaults = {
      certName: '',
      ipv4: '',
      ipv6: '',
      derpPort: 443,
      stunPort: 3478,
      stunOnly: false,
      insecure: false,
    };
    expect(parseTailnetRelays(map)).toEqual([
      { ...defaults, regionId: 1, name: '1f', hostName: 'derp1f.tailscale.com' },
      {
        ...defaults,
        ...{ regionId: 900, name: '900a', hostName: 'a.example.com', certName: 'x', ipv4: '203.0.113.7' },
        ...{ derpPort: 8443, stunPort: -1 },
      },
      {
        ...defaults,
        ...{ regionId: 900, name: '900s', hostName: 's.example.com', ipv6: 'none', stunOnly: true, insecure: true },
      },
    ]);
  });

  it.each(nothing)('is not in %j', (text) => {
    expect(parseTailnetRelays(text) ?? []).toEqual([]);
    expect(parseTailnetNodes(text)).toEqual({ nodes: [], keyExpiry: undefined });
  });
});

describe('the nodes of a tailnet', () => {
  it('are this one and its peers, without exit nodes that are sold', () => {
    expect(parseTailnetNodes(status)).toEqual({
      nodes: [
        { name: 'relay', key, shortKey: shortKey(publicKey) },
        { name: 'phone', key, shortKey: shortKey(publicKey) },
      ],
      keyExpiry: new Date('2027-01-02T03:04:05Z'),
    });
  });
});

// The real daemon is asked in the suite of the tailnet; here a server on a socket of the same kind.
describe('asking tailscaled', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  async function daemon(answers: Record<string, string>): Promise<string> {
    const socket = join(temporaryDirectory(), 's.sock');
    const server = createServer(({ url = '' }, answer) => {
      const body = answers[url.replace(/\?.*/, '')];
      answer.writeHead(body === undefined ? 404 : 200).end(body);
    }).listen(socket);
    servers.push(server);
    await once(server, 'listening');
    return socket;
  }

  it('gives both, or what there is of them', async () => {
    const both = await daemon({ '/localapi/v0/status': status, '/localapi/v0/derpmap': map });
    expect(await gatherTailnet(both)).toMatchObject({ relays: { length: 3 }, nodes: { length: 2 } });
    const noMap = await daemon({ '/localapi/v0/status': status });
    expect(await gatherTailnet(noMap)).toMatchObject({ relays: undefined, nodes: { length: 2 } });
  });

  it('gives nothing where it is not in a tailnet, or not there', async () => {
    const loggedOut = await daemon({
      '/localapi/v0/status': '{"BackendState": "NeedsLogin"}',
      '/localapi/v0/derpmap': map,
    });
    expect(await gatherTailnet(loggedOut)).toBeUndefined();
    expect(await gatherTailnet(join(temporaryDirectory(), 'none.sock'))).toBeUndefined();
  });
});
