/** Clients that log in and then behave badly. */
import { setTimeout as delay } from 'node:timers/promises';
import { DISCO_MAGIC } from '../../../src/protocol/disco.ts';
import { encodeFrame } from '../../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../../src/protocol/frame-types.ts';
import { mutateBytes } from '../../fuzz/mutate.ts';
import { RawClient } from '../../relay/support/raw-client.ts';
import { drained, enter, fastStart, mustClose, openTls, reset, socketOf } from '../connections.ts';
import type { Fault } from '../target.ts';

/** Sends `count` packets, as fast as the relay takes them. */
async function send(from: RawClient, to: Buffer, count: number, size: number): Promise<void> {
  const packet = Buffer.alloc(size, 0x77);
  const frame = encodeFrame(FrameType.SendPacket, to, packet);
  for (let i = 0; i < count && !from.closed; i++) {
    if (!from.socket.write(frame)) await drained(from.socket);
  }
}

export const slowReader: Fault = {
  name: 'slow reader',
  load: 'a client is sent 12 MB and reads nothing for a while, then everything or nothing',
  async strike(target, random) {
    await using slow = await enter(target, 'fast-start');
    await using sender = await enter(target, 'upgrade');
    slow.socket.pause();
    await send(sender, slow.publicKey, 400, 30_000);
    await delay(random.below(600));
    // What is still there of it, if the relay has not lost patience yet.
    if (random.oneIn(2)) slow.socket.resume();
    await delay(random.below(400));
  },
};

export const halfClosed: Fault = {
  name: 'half-closed socket',
  load: 'a FIN at some step of the login or after it, the own side left open, packets still coming',
  async strike(target, random) {
    const step = random.below(4);
    const socket = await openTls(target.port);
    if (step === 0) {
      socket.end();
    } else if (step === 1) {
      socket.end('GET /derp HTTP/1.1\r\nHost: 127.0.0.1\r\nUpg');
    } else {
      const client = new RawClient(socket);
      client.write(fastStart(target, client));
      await client.nextOf(FrameType.ServerInfo, 30_000);
      await using sender = await enter(target, 'upgrade');
      if (step === 3) socket.pause();
      socket.end();
      await send(sender, client.publicKey, 50, 1200);
    }
    await mustClose(socket, `half-closed at step ${step}`);
  },
};

export const resets: Fault = {
  name: 'reset',
  load: 'ten connections end by RST: in the handshake, before, in and after the login, with packets under way',
  async strike(target, random) {
    await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const socket = await openTls(target.port);
        const client = new RawClient(socket);
        if (i % 3 > 0) client.write(fastStart(target, client));
        if (i % 3 === 2) {
          await client.nextOf(FrameType.ServerInfo, 30_000);
          for (let k = 0; k < 20; k++) client.sendPacket(client.publicKey, random.bytes(2000));
        }
        if (random.oneIn(2)) await delay(random.below(50));
        reset(socket);
      }),
    );
  },
};

export const brokenFrames: Fault = {
  name: 'broken frames',
  load: 'twenty clients log in and go on with changed frames until the relay ends them',
  async strike(target, random) {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = await openTls(target.port);
        const client = new RawClient(socket);
        const frames = Buffer.concat([
          encodeFrame(FrameType.SendPacket, client.publicKey, random.bytes(300)),
          encodeFrame(FrameType.Ping, random.bytes(8)),
          encodeFrame(FrameType.NotePreferred, Buffer.of(1)),
          encodeFrame(FrameType.SendPacket, random.bytes(32), DISCO_MAGIC, random.bytes(60)),
          encodeFrame(0x55, random.bytes(40)),
        ]);
        client.write(fastStart(target, client));
        for (let i = 0; i < 20 && !client.closed; i++) client.write(mutateBytes(random, frames));
        // A frame that needs no payload and no patience: mesh frames are not for clients.
        socket.end(encodeFrame(FrameType.ClosePeer, client.publicKey));
        await mustClose(socket, 'broken frames');
      }),
    );
  },
};

export const pesterers: Fault = {
  name: 'floods from inside',
  load: '2,000 pings, 2,000 disco packets to nobody, 2,000 packets to itself, answers unread',
  async strike(target, random) {
    await using client = await enter(target, 'fast-start');
    client.socket.pause();
    const nobody = Buffer.concat([DISCO_MAGIC, random.bytes(60)]);
    const batch = Buffer.concat(
      Array.from({ length: 200 }, () =>
        Buffer.concat([
          encodeFrame(FrameType.Ping, random.bytes(8)),
          encodeFrame(FrameType.SendPacket, random.bytes(32), nobody),
          encodeFrame(FrameType.SendPacket, client.publicKey, Buffer.alloc(600)),
        ]),
      ),
    );
    for (let i = 0; i < 10 && !client.closed; i++) {
      if (!client.socket.write(batch)) await drained(client.socket);
    }
    if (random.oneIn(2)) reset(socketOf(client));
  },
};
