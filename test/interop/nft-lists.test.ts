/** The lists of addresses as nft itself reads them, and what the kernel does with packets then. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markOf, NFT_TABLE, type NftInput, nftScript } from '../../src/deploy/nft-script.ts';
import { parseAddressRange } from '../../src/protocol/address-set.ts';
import { detectFirewall, type Opening } from '../../src/system/firewall.ts';
import { listNftTable } from '../../src/system/nft-table.ts';
import { answered, GuardedServer, heard, strangerAddress } from './lab/guarded-server.ts';

const derp: Opening = { protocol: 'tcp', port: 443 };
const stun: Opening = { protocol: 'udp', port: 3478 };
const http: Opening = { protocol: 'tcp', port: 80 };
const guarded = [derp, stun];
let server: GuardedServer;
beforeEach(async ({ task }) => {
  server = new GuardedServer(`nft-${task.id}`);
  await server.open([...guarded, http]);
});
afterEach(() => server.close());

/** Has nft load the rules of these lists, and check them once more; gives their mark. */
async function load(lists: { allow?: string[]; deny?: string[] }, more: Partial<NftInput> = {}): Promise<string> {
  const parse = (texts: string[] | undefined) => texts?.map(parseAddressRange);
  const ports = { derpPort: derp.port, stunPort: stun.port, proxies: [], installed: true };
  const { text, mark } = nftScript({ allow: parse(lists.allow), deny: parse(lists.deny), ...ports, ...more });
  await server.nft(text);
  await server.must('nft', '-c', '-f', join(server.folder, 'rules.nft'));
  return mark;
}

const { v4, v6 } = strangerAddress;

describe('the rules of our lists', () => {
  it('let in who is allowed and nobody else, on their two ports only, and never shut out the machine itself', async () => {
    await load({ allow: ['192.0.2.0/24', `${v4}/32`, '203.0.113.5', 'fd00:198:18::/48', '2001:db8::/32'] });
    expect(await server.knock([...guarded, http])).toEqual(answered([...guarded, http], true));
    // A second load takes the place of the first.
    const mark = await load({ allow: ['192.0.2.0/24', 'fd00:198:18:9::3'] });
    expect(await server.knock([...guarded, http])).toEqual({ ...answered(guarded, false), ...answered([http], true) });
    expect(await server.knockFromWithin(guarded)).toEqual(answered(guarded, true));
    const one = await server.must('nft', 'list', 'ruleset');
    const { access } = server;
    const listing = await listNftTable(NFT_TABLE, async (command, args) => access.run(command, [...args]));
    expect(markOf(listing!)).toBe(mark);
    expect(one.match(/^table /gm)).toHaveLength(1);
    expect(one).not.toContain('203.0.113.5');
    // They turn some away and open nothing, which is not what our search for firewalls is about.
    expect(await detectFirewall(server.access)).toBeUndefined();
  });

  it('keep out who is denied, in one family only where the list has no more', async () => {
    await load({ deny: ['198.18.9.0/30', '10.0.0.0/8'] });
    const halfShut = [derp, stun].flatMap((port) => [
      [heard(port, 4), false],
      [heard(port, 6), true],
    ]);
    expect(await server.knock(guarded)).toEqual(Object.fromEntries(halfShut));
    await load({ allow: [v4, v6], deny: [v4, v6] });
    expect(await server.knock(guarded)).toEqual(answered(guarded, false));
  });

  it('keep out a family of which nobody is allowed, and leave tables of others as they are', async () => {
    await server.nft('table inet mine { chain input { type filter hook input priority filter; tcp dport 80 drop; }; }');
    const mine = await server.must('nft', 'list', 'table', 'inet', 'mine');
    await load({ allow: [v6] });
    await load({ allow: [v4] });
    expect(await server.knock([derp])).toEqual({ [heard(derp, 4)]: true, [heard(derp, 6)]: false });
    expect(await server.knock([http])).toEqual(answered([http], false));
    expect(await server.must('nft', 'list', 'table', 'inet', 'mine')).toBe(mine);
  });

  it('let in a proxy, for the relay to judge', async () => {
    await load({ allow: ['192.0.2.1'] }, { proxies: ['198.18.9.2/24'] });
    expect(await server.knock([derp, stun])).toEqual({
      ...answered([derp, stun], false),
      [heard(derp, 4)]: true,
    });
  });

  it('are loaded whatever the lists hold: all there is, ranges side by side, ends of the world, thousands', async () => {
    await load({ allow: ['0.0.0.0/0', '::/0'] });
    expect(await server.knock(guarded)).toEqual(answered(guarded, true));
    await load({ deny: ['0.0.0.0/0', '::/0'] });
    expect(await server.knock(guarded)).toEqual(answered(guarded, false));
    await load({ deny: ['0.0.0.0/8', '255.255.255.255', '::', 'ff00::/8', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'] });
    expect(await server.knock(guarded)).toEqual(answered(guarded, true));
    const sideBySide = ['198.18.8.0/24', '198.18.9.0/31', '198.18.9.2', '198.18.9.3', '0.0.0.0/1', '128.0.0.0/2'];
    await load({ deny: sideBySide });
    expect((await server.knock([derp]))[heard(derp, 4)]).toBe(false);
    const many = Array.from({ length: 8000 }, (_, i) => `${11 + (i >> 8)}.${i & 0xff}.0.0/20`);
    await load({ allow: [...many, v4] });
    expect((await server.knock([derp]))[heard(derp, 4)]).toBe(true);
  });
});
