import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Counters } from '../../../src/relay/counters.ts';
import { Peer } from '../../../src/relay/sessions/peer.ts';
import type { Session } from '../../../src/relay/sessions/session.ts';
import { type Region, Switchboard } from '../../../src/relay/sessions/switchboard.ts';

/** As much of a session as a peer looks at. */
function session(): Session & { gone: string[] } {
  const gone: string[] = [];
  const sendPeerGone = (peer: Buffer, reason: number) => gone.push(`${peer.toString('hex').slice(0, 8)} ${reason}`);
  return { spokeAt: 0, gone, sendPeerGone } as unknown as Session & { gone: string[] };
}

function newPeer(): Peer {
  const key = randomBytes(32);
  return new Peer(key, key.toString('latin1'));
}

describe('a key with several connections', () => {
  it('has its newest connection active, then whichever speaks', () => {
    const peer = newPeer();
    const [one, two] = [session(), session()];
    peer.add(one);
    expect(peer.active).toBe(one);
    peer.add(two);
    expect(peer.active).toBe(two);
    peer.noteSpeaker(one);
    expect(peer.active).toBe(one);
  });

  it('falls back to the latest speaker of the rest when the active one leaves', () => {
    const peer = newPeer();
    const [one, two, three] = [session(), session(), session()];
    for (const added of [one, two, three]) peer.add(added);
    peer.noteSpeaker(one);
    peer.noteSpeaker(two);
    peer.remove(two);
    expect(peer.active).toBe(one);
    peer.remove(one);
    expect(peer.active).toBe(three);
    peer.remove(three);
    expect(peer.active).toBeUndefined();
  });

  it('stays with the active one when another leaves', () => {
    const peer = newPeer();
    const [one, two] = [session(), session()];
    peer.add(one);
    peer.add(two);
    peer.remove(one);
    expect(peer.active).toBe(two);
    expect(peer.connections).toEqual([two]);
  });

  it('always has the latest speaker active, in any order of events', () => {
    const event = fc.record({ do: fc.constantFrom('add', 'speak', 'remove'), which: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const peer = newPeer();
        // Connections in the order in which they last spoke; coming is speaking.
        const spoke: Session[] = [];
        for (const { do: what, which } of events) {
          const chosen = spoke[which % (spoke.length || 1)];
          if (what === 'add') {
            const added = session();
            peer.add(added);
            spoke.push(added);
          } else if (chosen !== undefined) {
            spoke.splice(spoke.indexOf(chosen), 1);
            if (what === 'remove') peer.remove(chosen);
            else {
              peer.noteSpeaker(chosen);
              spoke.push(chosen);
            }
          }
          expect(peer.active).toBe(spoke.at(-1));
          expect(new Set(peer.connections)).toEqual(new Set(spoke));
        }
      }),
    );
  });
});

describe('the switchboard', () => {
  function setUp(region?: Region) {
    const counters = new Counters();
    const switchboard = new Switchboard(counters, region);
    const join = (key: Buffer = randomBytes(32)) => {
      const joined = session();
      const peer = switchboard.register(joined, key);
      return { key, session: joined, peer, leave: () => switchboard.unregister(joined, peer) };
    };
    return { counters, switchboard, join };
  }

  it('finds a peer by the 32 bytes anywhere in a buffer, every byte of them', () => {
    const { switchboard, join } = setUp();
    const { key, peer } = join();
    const bytes = Buffer.concat([randomBytes(5), key, randomBytes(9)]);
    expect(switchboard.find(bytes, 5)).toBe(peer);
    expect(switchboard.find(bytes, 4)).toBeUndefined();
    for (let i = 5; i < 37; i++) {
      bytes[i]! ^= 0x80;
      expect(switchboard.find(bytes, 5)).toBeUndefined();
      bytes[i]! ^= 0x80;
    }
  });

  it('counts keys with several connections, and those connections', () => {
    const { counters, join } = setUp();
    const gauges = () => [counters.clients, counters.duplicateKeys, counters.duplicateConnections];
    const one = join();
    const two = join(one.key);
    const three = join(one.key);
    const other = join();
    expect(gauges()).toEqual([4, 1, 3]);
    three.leave();
    expect(gauges()).toEqual([3, 1, 2]);
    one.leave();
    expect(gauges()).toEqual([2, 0, 0]);
    two.leave();
    other.leave();
    expect(gauges()).toEqual([0, 0, 0]);
  });

  it('tells those that a key had sent to once its last connection is gone, and forgets it everywhere', () => {
    const { switchboard, join } = setUp();
    const [sender, listener, both] = [join(), join(), join()];
    const again = join(sender.key);
    sender.peer.noteSentTo(listener.peer);
    sender.peer.noteSentTo(listener.peer);
    sender.peer.noteSentTo(both.peer);
    both.peer.noteSentTo(sender.peer);
    sender.leave();
    expect(listener.session.gone).toEqual([]);
    again.leave();
    const notice = [`${sender.key.toString('hex').slice(0, 8)} 0`];
    expect(listener.session.gone).toEqual(notice);
    expect(both.session.gone).toEqual(notice);
    expect(switchboard.find(sender.key, 0)).toBeUndefined();
    for (const { peer } of [listener, both]) expect([peer.audience.size, peer.sources.size]).toEqual([0, 0]);
    expect([...switchboard.peers()]).toEqual([listener.peer, both.peer]);
    // Who left has nothing to hear of those that leave later.
    both.leave();
    expect(sender.session.gone).toEqual([]);
  });

  it('tells nobody while another node of the region has the key', () => {
    const elsewhere = new Set<string>();
    const gone: string[] = [];
    const { join } = setUp({
      forwarderFor: (key) => (elsewhere.has(key.toString('hex')) ? { forward: () => {} } : undefined),
      present: () => {},
      gone: (key) => gone.push(key.toString('hex')),
    });
    const [sender, listener] = [join(), join()];
    sender.peer.noteSentTo(listener.peer);
    elsewhere.add(sender.key.toString('hex'));
    sender.leave();
    expect(listener.session.gone).toEqual([]);
    expect(gone).toEqual([sender.key.toString('hex')]);
  });
});
