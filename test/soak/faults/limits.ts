/** Those whom limits are for: strangers by their address, and clients that send more than they may. */
import { rename, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeFrame } from '../../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../../src/protocol/frame-types.ts';
import type { Random } from '../../fuzz/random.ts';
import { RawClient } from '../../relay/support/raw-client.ts';
import { drained, enter, fastStart, openTlsAs, PATIENCE } from '../connections.ts';
import type { Guard } from '../guard.ts';
import { type Fault, RelayFault, type Target } from '../target.ts';

function guardOf({ guard }: Target): Guard {
  if (guard === undefined) throw new Error('this relay has neither lists nor a rate');
  return guard;
}

/** Tries to come in from an address; undefined when the relay closes the connection before TLS. */
async function comeFrom(address: string, target: Target): Promise<RawClient | undefined> {
  const socket = await openTlsAs(address, guardOf(target).balancer, target.port);
  if (socket === undefined) return undefined;
  const client = new RawClient(socket);
  client.write(fastStart(target, client));
  await client.nextOf(FrameType.ServerInfo, PATIENCE);
  return client;
}

/** Tries until the relay has heard of the list that says so. */
async function untilComing(
  address: string,
  target: Target,
  isIn: boolean,
  what: string,
): Promise<RawClient | undefined> {
  for (const deadline = Date.now() + PATIENCE; ; await delay(50)) {
    const client = await comeFrom(address, target);
    if ((client !== undefined) === isIn) return client;
    client?.socket.destroy();
    if (Date.now() > deadline) throw new RelayFault(`address lists: ${what}`);
  }
}

/** A long list, as a country's is, with these addresses in it. */
function listOf(random: Random, ...addresses: string[]): string {
  const others = Array.from({ length: 3000 }, () => `10.${random.below(256)}.${random.below(256)}.0/24`);
  return `${[...others, ...addresses].join('\n')}\n`;
}

/** Strikes follow each other: there is one list. */
let last: Promise<void> = Promise.resolve();

export const addressLists: Fault = {
  name: 'address lists',
  load: 'a stranger outside the list, then on one of 3,000 ranges that is reloaded, then on half a list, which must change nothing, then off it',
  strike(target, random) {
    const strike = last.then(() => changeLists(target, random));
    last = strike.catch(() => {});
    return strike;
  },
};

async function changeLists(target: Target, random: Random): Promise<void> {
  const { listFile } = guardOf(target);
  const stranger = `203.0.113.${1 + random.below(254)}`;
  const write = async (text: string) => {
    // As careful programs do: nobody reads half of it.
    await writeFile(`${listFile}.new`, text);
    await rename(`${listFile}.new`, listFile);
    await target.reload();
  };
  const early = await comeFrom(stranger, target);
  if (early !== undefined) throw new RelayFault('address lists: a stranger is let in');
  await write(listOf(random, stranger));
  const client = (await untilComing(stranger, target, true, 'who is on the list now is not let in'))!;
  try {
    await write('198.51.100.0/24\nnot found\n');
    const again = await comeFrom(stranger, target);
    if (again === undefined) throw new RelayFault('address lists: a broken list has replaced the right one');
    again.socket.destroy();
    if (client.closed) throw new RelayFault('address lists: a broken list has disconnected somebody');
    await write(listOf(random));
    await client.untilClosed(PATIENCE).catch(() => {
      throw new RelayFault('address lists: who is off the list stays connected');
    });
    await untilComing(stranger, target, false, 'who is off the list is still let in');
  } finally {
    client.socket.destroy();
  }
}

/** What the relay reads at once, and may have read before it counts. */
const READ_AHEAD = 200_000;

export const overRate: Fault = {
  name: 'over the rate',
  load: 'a client sends 10 MB as fast as it can where 8 MB a second are allowed, and must be slowed down, not cut off',
  async strike(target, random) {
    const { bytesPerSecond, burstBytes } = guardOf(target).rate;
    await using receiver = await enter(target, 'upgrade');
    await using offender = await enter(target, 'fast-start');
    const frame = encodeFrame(FrameType.SendPacket, receiver.publicKey, random.bytes(20_000));
    const count = 500;
    const began = performance.now();
    for (let i = 0; i < count && !offender.closed; i++) {
      if (!offender.socket.write(frame)) await drained(offender.socket);
    }
    // The answer comes when all that was sent before has been read.
    const pong = offender.nextOf(FrameType.Pong, PATIENCE);
    offender.send(FrameType.Ping, random.bytes(8));
    await pong.catch(() => {});
    if (offender.closed) throw new RelayFault('over the rate: the relay has ended the connection');
    const seconds = (performance.now() - began) / 1000;
    const least = (count * frame.length - burstBytes - READ_AHEAD) / bytesPerSecond;
    if (seconds < least) {
      throw new RelayFault(`over the rate: ${count * frame.length} bytes were read in ${seconds.toFixed(2)} s`);
    }
  },
};
