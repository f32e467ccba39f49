import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeBindingRequest } from '../../src/protocol/stun.ts';
import { OwnAddresses } from '../../src/relay/admission/address-rules.ts';
import type { RelayConfig } from '../../src/relay/config.ts';
import { defaults } from '../../src/relay/defaults.ts';
import { RelayStartError } from '../../src/relay/start-error.ts';
import { temporaryDirectory } from '../temporary.ts';
import { ChallengeFolder, challengePem } from './support/challenges.ts';
import { ask } from './support/http.ts';
import { proxyV1 } from './support/proxy-header.ts';
import { proveKey, RawClient } from './support/raw-client.ts';
import { startTestRelay, type TestRelay } from './support/test-relay.ts';

const [ONE, TWO] = ['127.0.0.1', '127.0.0.2'];
const DAY = 86_400_000;
/** Loopback plays the strangers, as nobody else can connect to a test's relay. */
const strangers = { isOwnAddress: () => false };
const onlyWhenAsked = { ...strangers, watch: { settle: DAY, settleAtMost: DAY, poll: DAY } };
const soon = { ...strangers, watch: { settle: 100, settleAtMost: 2000, poll: DAY } };

let file: string;
beforeEach(() => {
  file = join(temporaryDirectory(), 'list.txt');
});

/** Writes the list as a careful program does. */
function list(...lines: string[]): void {
  writeFileSync(`${file}.tmp`, lines.join('\n'));
  renameSync(`${file}.tmp`, file);
}

const ranges = (...texts: string[]) => ({ ranges: texts, files: [] });
const listed = () => ({ ranges: [], files: [file] });

/** Connects from an address of loopback; what is sent is seen in `frames` or `head`. */
async function connectFrom(address: string, port: number): Promise<RawClient> {
  const client = new RawClient(connectTcp({ port, host: ONE, localAddress: address }));
  await once(client.socket, 'connect');
  return client;
}

/** Logs in from an address; undefined when the relay closes the connection before TLS. */
async function logInFrom(address: string, port: number): Promise<RawClient | undefined> {
  const tcp = connectTcp({ port, host: ONE, localAddress: address });
  const tls = connectTls({ socket: tcp, rejectUnauthorized: false });
  tls.on('error', () => {});
  const secured = await new Promise<boolean>((resolve) => {
    tls.once('secureConnect', () => resolve(true));
    tls.once('close', () => resolve(false));
  });
  if (!secured) return undefined;
  const client = new RawClient(tls);
  client.expectHead();
  client.write(`GET /derp HTTP/1.1\r\nHost: ${ONE}\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n`);
  await proveKey(client);
  return client;
}

/** How many of so many STUN requests from an address are answered, by the server's count and by the answers. */
async function stunAnswers(server: TestRelay, address: string, requests: number): Promise<number> {
  const socket = createSocket('udp4');
  let answers = 0;
  socket.on('message', () => answers++);
  socket.bind(0, address);
  await once(socket, 'listening');
  const answered = () => server.count('stun', 'answered');
  const seen = () => answered() + server.count('stun', 'refused');
  const before = { answered: answered(), seen: seen() };
  for (let i = 0; i < requests; i++) {
    socket.send(encodeBindingRequest(Buffer.alloc(12, i)), server.relay.ports.stun, ONE);
  }
  await expect.poll(seen, { timeout: 10_000 }).toBe(before.seen + requests);
  await expect.poll(() => answers, { timeout: 10_000 }).toBe(answered() - before.answered);
  socket.close();
  return answers;
}

/** Whether clients from these addresses get in. */
async function getIn(server: TestRelay, ...addresses: string[]): Promise<boolean[]> {
  const results: boolean[] = [];
  for (const address of addresses) {
    const client = await logInFrom(address, server.port);
    results.push(client !== undefined);
    await client?.[Symbol.asyncDispose]();
  }
  return results;
}

describe('addresses', () => {
  it.each<[string, Partial<RelayConfig>, boolean, boolean]>([
    ['of an allow list get in, others do not', { allowCidr: ranges('127.0.0.1', '2001:db8::/32') }, true, false],
    ['of a deny list do not, others do', { denyCidr: ranges('127.0.0.2/31') }, true, false],
    [
      'of both do not',
      { allowCidr: ranges('127.0.0.0/8'), denyCidr: ranges('127.0.0.1', '192.0.2.0/24') },
      false,
      true,
    ],
  ])('%s, on either port', async (_, config, one, two) => {
    await using server = await startTestRelay({ ...config, stunPort: 0 }, strangers);
    expect(await getIn(server, ONE, TWO)).toEqual([one, two]);
    expect(await stunAnswers(server, ONE, 3)).toBe(one ? 3 : 0);
    expect(await stunAnswers(server, TWO, 3)).toBe(two ? 3 : 0);
    expect(server.relay.snapshot()).toMatchObject({
      addresses_refused: 1,
      stun: { answered: 3, refused: 3, ignored: 0 },
      noise: { address_refused: 1, stun_address_refused: 3, tls_handshake_failed: 0 },
    });
  });

  it('that are kept out see nothing, and cost nothing of the accept limit', async () => {
    await using server = await startTestRelay(
      { denyCidr: ranges(TWO), acceptLimit: { perSecond: 0.001, burst: 1 } },
      strangers,
    );
    for (let i = 0; i < 5; i++) {
      await using stranger = await connectFrom(TWO, server.port);
      await stranger.untilClosed();
      expect(stranger.frames).toEqual([]);
    }
    expect(await getIn(server, ONE)).toEqual([true]);
    expect(server.relay.snapshot()).toMatchObject({ accepts: 6, addresses_refused: 5, accepts_over_limit: 0 });
  });

  it('behind a balancer are those that it tells; its own is not asked about', async () => {
    await using server = await startTestRelay(
      { allowCidr: ranges('192.0.2.0/24', '2001:db8::/32'), proxyProtocolFrom: [ONE] },
      strangers,
    );
    const page = (address: string) =>
      ask(server.port, 'GET /robots.txt', { preamble: proxyV1(address, 1234) }).then(
        ({ status }) => status,
        () => 'closed',
      );
    expect(await Promise.all(['192.0.2.7', '2001:db8::7', '198.51.100.7', '2001:db9::7'].map(page))).toEqual([
      200,
      200,
      'closed',
      'closed',
    ]);
    expect(server.count('addresses_refused')).toBe(2);
    // Nobody speaks for this one.
    expect(await getIn(server, TWO)).toEqual([false]);
  });

  it('of certificate authorities are answered all the same, and nothing else is', async () => {
    const directory = join(temporaryDirectory(), 'acme');
    await using server = await startTestRelay(
      { allowCidr: ranges('192.0.2.0/24'), challengeDirectory: directory, httpPort: 0 },
      strangers,
    );
    const folder = new ChallengeFolder(directory);
    folder.http('token', 'answer');
    const challenge = await ask(server.relay.ports.http, 'GET /.well-known/acme-challenge/token', { tls: false });
    expect(challenge).toMatchObject({ status: 200, body: 'answer' });

    folder.alpn('derp.example', await challengePem('dns', 'derp.example'));
    const shake = (servername: string, protocol: string) =>
      new Promise((resolve) => {
        const socket = connectTls({
          ...{ port: server.port, host: ONE, servername, ALPNProtocols: [protocol], rejectUnauthorized: false },
        });
        socket.on('error', () => {});
        socket.once('secureConnect', () => resolve(socket.alpnProtocol));
        socket.once('close', () => resolve('closed'));
      });
    expect(await shake('derp.example', 'acme-tls/1')).toBe('acme-tls/1');
    expect(await shake('other.example', 'acme-tls/1')).toBe('closed');
    expect(await shake('derp.example', 'http/1.1')).toBe('closed');
    expect(server.count('addresses_refused')).toBe(2);
    expect(server.count('noise', 'tls_handshake_failed')).toBe(0);
  });

  it('of this machine are never kept out', async () => {
    await using server = await startTestRelay({ allowCidr: ranges('192.0.2.1'), stunPort: 0 });
    expect(await getIn(server, ONE, TWO)).toEqual([true, true]);
    expect(await stunAnswers(server, TWO, 2)).toBe(2);
    const own = new OwnAddresses();
    for (const { address } of Object.values(networkInterfaces()).flatMap((all) => all ?? [])) {
      expect([address, own.has(address)]).toEqual([address, true]);
    }
    expect(['192.0.2.1', '128.0.0.1', '2001:db8::1'].map((address) => own.has(address))).toEqual([false, false, false]);
  });

  it('are summed up in the log, not told one by one', async () => {
    const server = await startTestRelay({ denyCidr: ranges(TWO) }, strangers);
    expect(await getIn(server, TWO, TWO, TWO)).toEqual([false, false, false]);
    await server[Symbol.asyncDispose]();
    const told = server.log.filter((line) => JSON.stringify(line).includes('address_refused'));
    expect(told).toEqual([expect.objectContaining({ event: 'noise', address_refused: 3 })]);
  });
});

describe('a list in a file', () => {
  it('is added to the ranges beside it, and to other files', async () => {
    list('# friends', '192.0.2.0/24', TWO);
    const other = `${file}.more`;
    writeFileSync(other, '203.0.113.1\n203.0.113.0/24');
    await using server = await startTestRelay(
      { allowCidr: { ranges: ['198.51.100.7'], files: [file, other] } },
      strangers,
    );
    expect(await getIn(server, ONE, TWO)).toEqual([false, true]);
    expect(server.log.find(({ event }) => event === 'address_lists_loaded')).toMatchObject({ allow: 4, deny: null });
  });

  it.each([
    ['on reload', onlyWhenAsked],
    ['by itself when it changes', soon],
  ])('is read again %s: who is kept out now is disconnected, the others stay', async (how, parts) => {
    list(ONE, TWO);
    await using server = await startTestRelay({ allowCidr: listed() }, parts);
    const stays = (await logInFrom(ONE, server.port))!;
    const goes = (await logInFrom(TWO, server.port))!;
    list(ONE, '192.0.2.0/24');
    if (how === 'on reload') await server.relay.reload();
    await goes.untilClosed(15_000);
    await stays.settled();
    expect(await getIn(server, ONE, TWO)).toEqual([true, false]);
    expect(server.count('address_removals')).toBe(1);
    expect(server.log.filter(({ event }) => event === 'address_lists_reloaded')).toEqual([
      expect.objectContaining({ level: 'info', allow: 2, clients_removed: 1 }),
    ]);
    await stays[Symbol.asyncDispose]();
  });

  it.each<[string, () => void, RegExp]>([
    ['broken', () => list(ONE, '# comment', '192.0.2.7/24'), /list\.txt, line 3: "192\.0\.2\.7\/24" begins within/],
    ['missing', () => rmSync(file), /no such file/],
    ['empty', () => list('# nobody'), /there is no address in it/],
    ['too long', () => writeFileSync(file, ' '.repeat(defaults.addressListBytes + 1)), /longer than/],
  ])('stays as it was when the new one is %s, which is told', async (_, spoil, problem) => {
    list(ONE);
    await using server = await startTestRelay({ allowCidr: listed() }, onlyWhenAsked);
    const client = (await logInFrom(ONE, server.port))!;
    spoil();
    await expect(server.relay.reload()).rejects.toBeInstanceOf(RelayStartError);
    await client.settled();
    expect(await getIn(server, ONE, TWO)).toEqual([true, false]);
    const told = server.log.filter(({ event }) => event === 'address_lists_not_reloaded');
    expect(told).toEqual([expect.objectContaining({ level: 'error', problem: expect.stringMatching(problem) })]);
    await client[Symbol.asyncDispose]();
  });

  it.each<[string, string, RegExp]>([
    ['a line that is no address', `${ONE}\nderp.example\n`, /list\.txt, line 2: "derp\.example" is not an IP address/],
    ['nothing', '\n', /nobody would be let in/],
  ])('keeps the relay from starting when it holds %s', async (_, text, problem) => {
    writeFileSync(file, text);
    const identity = join(temporaryDirectory(), 'derper.key');
    const started = startTestRelay({ allowCidr: listed(), keyFile: identity });
    await expect(started).rejects.toMatchObject({ name: 'RelayStartError', code: 'bad-address-list' });
    await expect(started).rejects.toThrow(problem);
    expect(existsSync(identity)).toBe(false);
  });

  it('may be empty where it keeps out', async () => {
    list();
    await using server = await startTestRelay({ denyCidr: listed() }, onlyWhenAsked);
    expect(await getIn(server, ONE)).toEqual([true]);
    list('127.0.0.0/8');
    await server.relay.reload();
    expect(await getIn(server, ONE)).toEqual([false]);
  });
});
