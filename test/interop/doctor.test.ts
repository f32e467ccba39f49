/** What the doctor learns from the real tailscaled: the map that the real Headscale gives to clients, and who is there. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortKey } from '../../src/protocol/keys.ts';
import { gatherAdmission } from '../../src/setup/doctor/gather/admission.ts';
import { gatherTailnet } from '../../src/setup/doctor/gather/tailnet.ts';
import { region } from './lab/derp-map.ts';
import { Headscale } from './lab/headscale.ts';
import { namedIdentity } from './lab/identity.ts';
import { Lab, relayName } from './lab/lab.ts';
import { relayAddress } from './lab/network.ts';
import { TailnetNode } from './lab/node.ts';

describe('the tailscaled beside the relay', () => {
  const lab = new Lab('ours', 'doctor', () => []);
  let guard: TailnetNode;
  let n1: TailnetNode;

  beforeAll(
    lab.explained(async () => {
      const identity = await lab.open((folder) => namedIdentity(relayName, folder));
      const headscale = new Headscale(lab.network, lab.folder);
      lab.watch(headscale);
      lab.onClose(() => headscale.stop());
      await headscale.start(identity, { ipv6: true });
      const key = await headscale.authKey();
      [guard, n1] = ['srv', 'n1'].map((name) => {
        const node = new TailnetNode(name as 'srv' | 'n1', lab.network, identity, lab.folder);
        lab.watch(node);
        lab.onClose(() => node.stop());
        return node;
      }) as [TailnetNode, TailnetNode];
      expect(await gatherTailnet(guard.socket)).toBeUndefined();
      await Promise.all([guard, n1].map((node) => node.join(headscale, key)));
      await guard.waitForPeer(n1);
    }),
  );
  afterAll(() => lab.close());

  it(
    'tells the map that clients are given, and the nodes that there are',
    lab.explained(async () => {
      const tailnet = await gatherTailnet(guard.socket);
      expect(tailnet?.relays).toEqual([
        {
          regionId: region.id,
          name: region.node,
          hostName: relayName,
          certName: '',
          ipv4: relayAddress.v4,
          ipv6: relayAddress.v6,
          derpPort: 443,
          stunPort: 3478,
          stunOnly: false,
          insecure: false,
        },
      ]);
      expect(tailnet?.nodes.map(({ name }) => name)).toEqual([
        expect.stringContaining('srv'),
        expect.stringContaining('n1'),
      ]);
      const keys = tailnet!.nodes.map(({ key }) => Buffer.from(key.replace('nodekey:', ''), 'hex'));
      expect(tailnet!.nodes.map((node) => node.shortKey)).toEqual(keys.map((key) => shortKey(key)));
    }),
  );

  it(
    'answers the relay’s own question',
    lab.explained(async () => {
      const { tailscaled } = await gatherAdmission({ tailscaled: { socket: guard.socket } });
      expect(tailscaled).toEqual({ state: 'running', version: '1.102.3', detail: undefined });
    }),
  );
});
