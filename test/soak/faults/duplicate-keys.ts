import nacl from 'tweetnacl';
import { FrameType } from '../../../src/protocol/frame-types.ts';
import type { RawClient } from '../../relay/support/raw-client.ts';
import { enter } from '../connections.ts';
import { type Fault, RelayFault } from '../target.ts';

const PACKETS = 20;

/** The numbers that came to a client since it was last looked at. */
function newNumbers(client: RawClient, seen: number): number[] {
  return client
    .all(FrameType.RecvPacket)
    .slice(seen)
    .map((payload) => payload.readUInt32BE(32));
}

/**
 * Clones: derper's rule is that all of them stay, and that who spoke last gets the packets. The sender is not told that
 * a peer is gone before the last of them has left.
 */
export const duplicateKeys: Fault = {
  name: 'duplicate keys',
  load: 'three connections with one key speak in turns; a fourth client sends to that key',
  async strike(target, random) {
    const secret = nacl.randomBytes(32);
    await using sender = await enter(target, 'upgrade');
    await using one = await enter(target, 'fast-start', { secret });
    await using two = await enter(target, 'upgrade', { secret });
    await using three = await enter(target, 'fast-start', { secret });
    const clones = [one, two, three];
    let number = 0;
    for (let round = 0; round < 6; round++) {
      const speaker = random.pick(clones);
      await speaker.settled();
      const seen = clones.map((clone) => clone.all(FrameType.RecvPacket).length);
      const sent = Array.from({ length: PACKETS }, () => number++);
      for (const each of sent) {
        const packet = Buffer.alloc(100);
        packet.writeUInt32BE(each);
        sender.sendPacket(speaker.publicKey, packet);
      }
      await sender.settled();
      await speaker.until(() => newNumbers(speaker, seen[clones.indexOf(speaker)]!).length >= PACKETS, 30_000);
      for (const [i, clone] of clones.entries()) {
        const got = newNumbers(clone, seen[i]!).join();
        const due = clone === speaker ? sent.join() : '';
        if (got !== due) throw new RelayFault(`duplicate keys: a clone got [${got}] where [${due}] was due`);
      }
    }
    if (sender.all(FrameType.PeerGone).length > 0)
      throw new RelayFault('duplicate keys: told gone while all are there');
  },
};
