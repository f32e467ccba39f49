import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { boundSockets, portOwner, userName } from '../../src/system/port-owner.ts';
import { findFreePort, portState } from '../../src/system/ports.ts';

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Listens on a port of the system's choice and returns it. */
async function listenTcp(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function bindUdp(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  closers.push(() => socket.close());
  return socket.address().port;
}

describe('portState', () => {
  it.each(['127.0.0.1', '0.0.0.0'])('finds a TCP port busy that is taken on %s alone', async (host) => {
    expect(await portState('tcp', await listenTcp(host))).toBe('busy');
  });

  it('finds a UDP port busy, while TCP with the same number is free', async () => {
    // Several, because somebody else may have the TCP port of one of them, for a connection say.
    const ports = [await bindUdp(), await bindUdp(), await bindUdp()];
    for (const port of ports) expect(await portState('udp', port)).toBe('busy');
    expect(await Promise.all(ports.map((port) => portState('tcp', port)))).toContain('free');
  });

  it('finds a port free again once its owner is gone', async () => {
    const port = await listenTcp('127.0.0.1');
    await closers.pop()!();
    expect(await portState('tcp', port)).toBe('free');
  });
});

describe('findFreePort', () => {
  it('takes the next one that is neither busy nor to be avoided', async () => {
    const busy = await listenTcp('0.0.0.0');
    const free = await findFreePort('tcp', busy, [busy + 1]);
    expect(free).toBeGreaterThan(busy + 1);
    expect(await portState('tcp', free!)).toBe('free');
  });

  it('gives up at the last port', async () => {
    expect(await findFreePort('tcp', 65_535, [65_535])).toBeUndefined();
  });
});

describe.runIf(process.platform === 'linux')('portOwner', () => {
  it.each(['tcp', 'udp'] as const)('names another process that has a %s port', async (protocol) => {
    const code =
      protocol === 'tcp'
        ? `const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))`
        : `const s = require('dgram').createSocket('udp4').bind(0, () => console.log(s.address().port))`;
    const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    closers.push(() => child.kill());
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    expect(await portOwner(protocol, Number(line.toString()))).toEqual({ name: 'node', pid: child.pid });
  });

  it('knows nobody for a free port', async () => {
    const port = await listenTcp('127.0.0.1');
    await closers.pop()!();
    expect(await portOwner('tcp', port)).toBeUndefined();
  });
});

describe('/proc/net tables', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 100 0 0 10 0
   1: 0100007F:20FB 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 4243 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4244 1 0000000000000000 100 0 0 10 0
`;

  it('gives the listening sockets of a TCP port, not its connections', () => {
    expect(boundSockets(table, 'tcp', 0x20fb)).toEqual([{ inode: '4242', uid: 1000 }]);
    expect(boundSockets(table, 'tcp', 22)).toEqual([{ inode: '4244', uid: 0 }]);
    expect(boundSockets(table, 'tcp', 23)).toEqual([]);
  });

  it('gives UDP sockets in any state', () => {
    expect(boundSockets(table, 'udp', 0x20fb).map(({ inode }) => inode)).toEqual(['4242', '4243']);
  });

  it('survives an empty or foreign table', () => {
    expect(boundSockets('', 'tcp', 1)).toEqual([]);
    expect(boundSockets('header\nnonsense\n\n', 'tcp', 1)).toEqual([]);
  });

  it('turns a user id into a name where there is one', () => {
    const passwd = 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n';
    expect(userName(passwd, 33)).toBe('www-data');
    expect(userName(passwd, 34)).toBe('34');
    expect(userName('', 0)).toBe('0');
  });
});
