import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { queryStun } from '../../src/client/stun-client.ts';
import { encodeBindingAnswer, readBindingRequest } from '../../src/protocol/stun.ts';
import { startTestRelay } from '../relay/support/test-relay.ts';

/** A container may have no IPv6 at all. */
const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));

type Reply = (datagram: Buffer, sender: RemoteInfo, socket: Socket) => void;

/** A UDP server that replies as it is told to. */
async function serve(reply: Reply, address = '127.0.0.1') {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  let requests = 0;
  socket.on('message', (datagram, sender) => {
    requests++;
    reply(datagram, sender, socket);
  });
  socket.bind(0, address);
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    requests: () => requests,
    [Symbol.asyncDispose]: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

const answer: Reply = (datagram, { address, port }, socket) => {
  const request = readBindingRequest(datagram)!;
  socket.send(encodeBindingAnswer(request.transactionId, address, port), port, address);
};

describe('queryStun', () => {
  it('asks our relay, over IPv4 and IPv6', async () => {
    await using server = await startTestRelay({ listen: { host: null, port: 0 }, stunPort: 0 });
    const addresses = hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
    for (const address of addresses) {
      const { mapped, local, rttMs, tries } = await queryStun({ address, port: server.relay.ports.stun });
      expect(mapped).toEqual({ address, port: local.port });
      expect(local.address).toBe(address);
      expect(rttMs).toBeGreaterThan(0);
      expect(rttMs).toBeLessThan(1000);
      expect(tries).toBe(1);
    }
    expect(server.count('stun', 'answered')).toBe(addresses.length);
  });

  it('asks again when an answer is lost, and measures the round trip that was answered', async () => {
    let lost = 2;
    await using server = await serve((...args) => {
      if (lost-- <= 0) answer(...args);
    });
    const { tries, rttMs } = await queryStun({ address: '127.0.0.1', port: server.port });
    expect(tries).toBe(3);
    // Not from the first request, which was 600 ms before.
    expect(rttMs).toBeLessThan(300);
  });

  it('takes a late answer to an earlier request', async () => {
    let first: [Buffer, RemoteInfo] | undefined;
    await using server = await serve((datagram, sender, socket) => {
      if (first) answer(...first, socket);
      else first = [Buffer.from(datagram), sender];
    });
    const { rttMs, tries } = await queryStun({ address: '127.0.0.1', port: server.port });
    expect(tries).toBe(2);
    expect(rttMs).toBeGreaterThan(150);
  });

  it('gives up in time', async () => {
    await using server = await serve(() => {});
    const begun = performance.now();
    await expect(queryStun({ address: '127.0.0.1', port: server.port, timeoutMs: 700 })).rejects.toMatchObject({
      name: 'StunError',
      code: 'timeout',
    });
    expect(performance.now() - begun).toBeLessThan(1500);
    // At 0, 200 and 600 ms.
    expect(server.requests()).toBe(3);
  });

  it('says when nobody listens', async () => {
    const server = await serve(() => {});
    await server[Symbol.asyncDispose]();
    await expect(queryStun({ address: '127.0.0.1', port: server.port })).rejects.toMatchObject({ code: 'refused' });
  });

  it('says when what answers is no STUN server, but waits for a right answer until the end', async () => {
    await using wrong = await serve((_datagram, { address, port }, socket) => {
      socket.send('who is there?', port, address);
    });
    const query = queryStun({ address: '127.0.0.1', port: wrong.port, timeoutMs: 300 });
    await expect(query).rejects.toMatchObject({ code: 'bad-answer' });
    await using both = await serve((datagram, sender, socket) => {
      const stranger = encodeBindingAnswer(Buffer.alloc(12), '192.0.2.1', 1);
      socket.send(stranger, sender.port, sender.address, () => answer(datagram, sender, socket));
    });
    const { mapped } = await queryStun({ address: '127.0.0.1', port: both.port });
    expect(mapped.address).toBe('127.0.0.1');
  });

  it('gives up when told to', async () => {
    await using server = await serve(() => {});
    const options = { address: '127.0.0.1', port: server.port };
    await expect(queryStun({ ...options, signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: 'aborted' });
    await expect(queryStun({ ...options, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });
});
