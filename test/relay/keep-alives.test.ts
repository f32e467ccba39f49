import { describe, expect, it } from 'vitest';
import { FrameType } from '../../src/protocol/frame-types.ts';
import { KeepAliveWheels } from '../../src/relay/sessions/keep-alive-wheel.ts';
import { logIn } from './support/raw-client.ts';
import { startTestRelay } from './support/test-relay.ts';

/** A relay whose keep-alives come when the test lets time pass, one period a call. */
async function startWithWheel() {
  const keepAlives = new KeepAliveWheels(1, 0);
  keepAlives.stop();
  const server = await startTestRelay({}, { keepAlives });
  return { server, period: () => keepAlives.tick() };
}

describe('keep-alives', () => {
  it('go to every client, with a ping for those that say they answer', async () => {
    const { server, period } = await startWithWheel();
    await using _ = server;
    await using plain = await logIn(server.port);
    await using pingable = await logIn(server.port, { clientInfo: { version: 2, CanAckPings: true } });
    period();
    await pingable.nextOf(FrameType.KeepAlive);
    await plain.nextOf(FrameType.KeepAlive);
    expect(pingable.all(FrameType.Ping)).toHaveLength(1);
    expect(plain.all(FrameType.Ping)).toHaveLength(0);
    expect(server.count('keep_alives_sent')).toBe(2);
  });

  it('end a client that promised to answer and has been silent for two periods, and no other', async () => {
    const { server, period } = await startWithWheel();
    await using _ = server;
    await using plain = await logIn(server.port);
    await using answering = await logIn(server.port, { clientInfo: { version: 2, CanAckPings: true } });
    await using silent = await logIn(server.port, { clientInfo: { version: 2, CanAckPings: true } });
    for (let i = 0; i < 2; i++) {
      period();
      answering.send(FrameType.Pong, await answering.nextOf(FrameType.Ping));
      await answering.settled();
    }
    expect(server.count('clients')).toBe(3);
    period();
    await silent.untilClosed();
    await answering.settled();
    await plain.settled();
    expect(server.count('vanished')).toBe(1);
    expect(server.count('clients')).toBe(2);
    expect(plain.all(FrameType.KeepAlive)).toHaveLength(3);
  });
});
