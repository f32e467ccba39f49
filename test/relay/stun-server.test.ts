import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { encodeBindingAnswer, encodeBindingRequest, parseBindingAnswer } from '../../src/protocol/stun.ts';
import { Counters } from '../../src/relay/counters.ts';
import { defaults } from '../../src/relay/defaults.ts';
import { AnswerLimit, type StunServer, startStunServer } from '../../src/relay/stun-server.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

afterEach(() => {
  vi.restoreAllMocks();
});

/** A server on a port the system chose, with its counters. */
async function start(host: string | null) {
  const counters = new Counters();
  const server = await startStunServer(host, 0, counters);
  return { ...server, counters, [Symbol.asyncDispose]: () => server.stop() };
}

/** Somebody who sends datagrams from one port of `address` and collects the answers. */
class Asker implements AsyncDisposable {
  readonly answers: Buffer[] = [];
  readonly #socket;
  readonly #address: string;

  private constructor(address: string) {
    this.#address = address;
    this.#socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    this.#socket.on('message', (answer) => this.answers.push(answer));
  }

  static async at(address: string): Promise<Asker> {
    const asker = new Asker(address);
    asker.#socket.bind(0, address);
    await once(asker.#socket, 'listening');
    return asker;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(server: StunServer, datagram: Buffer): Promise<void> {
    return new Promise((resolve) => this.#socket.send(datagram, server.port, this.#address, () => resolve()));
  }

  /** Asks and waits for the one answer. */
  async ask(server: StunServer, request: Buffer): Promise<Buffer> {
    const before = this.answers.length;
    await this.send(server, request);
    await expect.poll(() => this.answers.length).toBe(before + 1);
    return this.answers.at(-1)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

/** A binding request as RFC 5389 has it, and nothing more. */
function plainRequest(transactionId = randomBytes(12)): Buffer {
  return Buffer.concat([Buffer.from('000100002112a442', 'hex'), transactionId]);
}

/** What an answer says, whichever request it belongs to. */
const addressIn = (answer: Buffer) => parseBindingAnswer(answer, answer.subarray(8, 20));

describe('a STUN server on every address', () => {
  it('tells an IPv4 client its IPv4 address, as family 1, in 32 bytes', async () => {
    await using server = await start(null);
    await using asker = await Asker.at('127.0.0.1');
    const transactionId = randomBytes(12);
    const answer = await asker.ask(server, encodeBindingRequest(transactionId));
    expect(answer).toEqual(encodeBindingAnswer(transactionId, '127.0.0.1', asker.port));
    expect(answer).toHaveLength(32);
    expect(answer[25]).toBe(1);
    expect(addressIn(answer)).toEqual({ address: '127.0.0.1', port: asker.port });
    expect(server.counters.stunAnswered).toBe(1);
  });

  it.runIf(hasIpv6)('tells an IPv6 client its IPv6 address on the same port', async () => {
    await using server = await start(null);
    await using asker = await Asker.at('::1');
    const answer = await asker.ask(server, encodeBindingRequest(randomBytes(12)));
    expect(answer).toHaveLength(44);
    expect(answer[25]).toBe(2);
    expect(addressIn(answer)).toEqual({ address: '::1', port: asker.port });
  });

  it('answers those who are not Tailscale, too', async () => {
    await using server = await start('127.0.0.1');
    await using asker = await Asker.at('127.0.0.1');
    const transactionId = randomBytes(12);
    const answer = await asker.ask(server, plainRequest(transactionId));
    expect(answer).toEqual(encodeBindingAnswer(transactionId, '127.0.0.1', asker.port));
  });

  it.runIf(hasIpv6)('binds one address only when told so', async () => {
    await using four = await start('127.0.0.1');
    await using six = await start('::1');
    await using asker = await Asker.at('::1');
    await asker.send(four, plainRequest());
    expect(addressIn(await asker.ask(six, plainRequest()))).toMatchObject({ address: '::1' });
    expect(four.counters.stunAnswered + four.counters.stunIgnored).toBe(0);
  });

  it('says when its port is taken, and lets go of it when it stops', async () => {
    const first = await startStunServer('127.0.0.1', 0, new Counters());
    await expect(startStunServer('127.0.0.1', first.port, new Counters())).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await first.stop();
    const second = await startStunServer('127.0.0.1', first.port, new Counters());
    expect(second.port).toBe(first.port);
    await second.stop();
  });
});

describe('anything else', () => {
  it('is ignored and counted', async () => {
    await using server = await start('127.0.0.1');
    await using asker = await Asker.at('127.0.0.1');
    const good = encodeBindingRequest(randomBytes(12));
    const changed = (at: number, value: number) => {
      const bytes = Buffer.from(good);
      bytes[at] = value;
      return bytes;
    };
    const garbage = [
      Buffer.alloc(0),
      ...Array.from({ length: 50 }, (_, i) => randomBytes(1 + i * 29)),
      changed(1, 0x11), // an indication
      changed(4, 0x22), // without the magic cookie, as RFC 3489 had it
      changed(3, 0xff), // a length that is not its own
      changed(good.length - 1, good.at(-1)! ^ 1), // a wrong fingerprint
      good.subarray(0, 30),
      Buffer.concat([good, Buffer.alloc(4)]),
      encodeBindingAnswer(randomBytes(12), '192.0.2.1', 1),
      // An attribute that must be understood, and is not: USERNAME.
      Buffer.concat([Buffer.from('000100082112a442', 'hex'), randomBytes(12), Buffer.from('0006000461626364', 'hex')]),
    ];
    for (const datagram of garbage) await asker.send(server, datagram);
    await asker.ask(server, plainRequest());
    expect(asker.answers).toHaveLength(1);
    expect(server.counters.stunAnswered).toBe(1);
    expect(server.counters.stunIgnored).toBe(garbage.length);
  });

  it('such as a request from port 0, which nobody has, does no harm', async () => {
    const bind = vi.spyOn(Socket.prototype, 'bind');
    await using server = await start('127.0.0.1');
    const socket = bind.mock.contexts[0] as Socket;
    const forged: RemoteInfo = { address: '127.0.0.1', port: 0, family: 'IPv4', size: 20 };
    expect(() => socket.emit('message', plainRequest(), forged)).not.toThrow();
    expect(server.counters).toMatchObject({ stunAnswered: 0, stunIgnored: 1 });
  });
});

describe('answers to one address', () => {
  it('are capped each second, and those over the cap counted', async () => {
    const clock = vi.spyOn(Date, 'now').mockReturnValue(1_000_000);
    await using server = await start('127.0.0.1');
    await using asker = await Asker.at('127.0.0.1');
    const cap = defaults.stunAnswersPerSecond;
    const handled = () => server.counters.stunAnswered + server.counters.stunOverLimit;
    for (let i = 0; i < cap + 50; i++) await asker.send(server, plainRequest());
    await vi.waitFor(() => expect(handled()).toBe(cap + 50));
    expect(server.counters.stunAnswered).toBe(cap);
    expect(server.counters.stunOverLimit).toBe(50);
    clock.mockReturnValue(1_001_000);
    await asker.send(server, plainRequest());
    await vi.waitFor(() => expect(server.counters.stunAnswered).toBe(cap + 1));
    expect(server.counters.stunOverLimit).toBe(50);
  });

  const allowed = (limit: AnswerLimit, addresses: string[], now = 5000) =>
    addresses.filter((address) => limit.allow(address, now)).length;

  it('are counted by address for IPv4', () => {
    const limit = new AnswerLimit(3);
    expect(allowed(limit, Array(5).fill('192.0.2.1'))).toBe(3);
    expect(allowed(limit, Array(5).fill('192.0.2.1'), 5999)).toBe(0);
    expect(allowed(limit, Array(5).fill('192.0.2.1'), 6000)).toBe(3);
    // Two addresses share a counter once in 16,384 times.
    const others = Array.from({ length: 20 }, (_, i) => `198.51.100.${i}`);
    expect(allowed(new AnswerLimit(1), others)).toBeGreaterThanOrEqual(18);
  });

  it.each([
    ['2001:db8:1:2:', ['0:0:0:1', ':1', ':', 'a:b:c:d', ':ffff', '1::', 'ffff:ffff:ffff:ffff']],
    ['2001:db8:', [':1', ':', ':5:0:0:1', '0:0:a:b:c:d', ':a:b:c:d', ':ffff']],
    ['', ['::1', '::2', '::a:b:c:d', '0:0:0:0:1:2:3:4']],
  ])('are counted by /64 for IPv6, however it is written: %s…', (prefix, rests) => {
    expect(
      allowed(
        new AnswerLimit(2),
        rests.map((rest) => prefix + rest),
      ),
    ).toBe(2);
  });

  it('are counted apart for neighbouring /64s', () => {
    const networks = Array.from({ length: 20 }, (_, i) => `2001:db8:1:${i.toString(16)}::1`);
    expect(allowed(new AnswerLimit(1), networks)).toBeGreaterThanOrEqual(18);
  });

  it('cost the same memory however many addresses ask', () => {
    const limit = new AnswerLimit(1);
    let answered = 0;
    for (let i = 0; i < 100_000; i++) {
      if (limit.allow(`10.${i >> 16}.${(i >> 8) & 0xff}.${i & 0xff}`, 5000)) answered++;
    }
    // One answer for each counter of the table: a table that grew would have answered all.
    expect(answered).toBeLessThanOrEqual(1 << 14);
    expect(answered).toBeGreaterThan(1 << 13);
  });
});
