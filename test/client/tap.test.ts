import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Tap } from '../../src/client/tap.ts';

/** A tap on one end of a TCP connection, and the other end. */
async function pair() {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  far.on('error', () => {});
  const tap = new Tap(socket);
  return {
    tap,
    socket,
    far,
    [Symbol.asyncDispose]: async () => {
      tap.destroy();
      far.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('Tap', () => {
  it('passes everything on in both directions, and the ends too', async () => {
    await using test = await pair();
    const [out, back] = [randomBytes(3_000_000), randomBytes(3_000_000)];
    const arrived = [buffer(test.far), buffer(test.tap)] as const;
    test.far.end(back);
    for (let at = 0; at < out.length; at += 10_000) test.tap.write(out.subarray(at, at + 10_000));
    test.tap.end();
    expect((await arrived[0]).equals(out)).toBe(true);
    expect((await arrived[1]).equals(back)).toBe(true);
  });

  it('keeps what came in until it is asked for, once, and no more than a handshake needs', async () => {
    await using test = await pair();
    test.tap.resume();
    test.far.write('hello');
    await expect.poll(() => test.socket.bytesRead).toBe(5);
    expect(test.tap.takeKept().toString()).toBe('hello');
    test.far.write('more');
    await expect.poll(() => test.socket.bytesRead).toBe(9);
    expect(test.tap.takeKept()).toHaveLength(0);
    await using long = await pair();
    long.tap.resume();
    long.far.write(Buffer.alloc(2_000_000));
    await expect.poll(() => long.socket.bytesRead).toBe(2_000_000);
    expect(long.tap.takeKept().length).toBeLessThan(300_000);
  });

  it('holds little while nobody reads, and goes on when somebody does', async () => {
    await using test = await pair();
    const size = 20_000_000;
    test.far.end(Buffer.alloc(size));
    await expect.poll(() => test.tap.readableLength).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(test.tap.readableLength).toBeLessThan(300_000);
    expect((await buffer(test.tap)).length).toBe(size);
  });

  it('is over when the connection is, and closes it when it is over', async () => {
    await using reset = await pair();
    reset.far.resetAndDestroy();
    const [error] = await once(reset.tap, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(reset.tap.destroyed).toBe(true);
    await using dropped = await pair();
    dropped.far.resume();
    dropped.tap.destroy();
    await once(dropped.far, 'end');
    expect(dropped.socket.destroyed).toBe(true);
  });
});
