import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findTailscaled, parseTailscaledStatus } from '../../src/system/tailscaled.ts';
import { temporaryDirectory } from '../temporary.ts';

// What tailscaled 1.102.3 answered before it was logged in, shortened.
const loggedOut = `{
	"Version": "1.102.3-ERR-BuildInfo", "TUN": false, "BackendState": "NeedsLogin", "AuthURL": "", "TailscaleIPs": null,
	"Self": { "ID": "", "HostName": "vm", "DNSName": "", "OS": "linux", "Online": false },
	"Health": ["Tailscale is stopped."], "MagicDNSSuffix": "", "CurrentTailnet": null, "Peer": null
}`;
const loggedIn = `{
	"Version": "1.98.2-t1234567-g89abcde", "BackendState": "Running", "TailscaleIPs": ["100.64.0.1"],
	"Self": { "HostName": "relay", "DNSName": "relay.tail1234.ts.net.", "Tags": ["tag:relay"] }
}`;

describe('parseTailscaledStatus', () => {
  it('of one that is in its tailnet', () => {
    expect(parseTailscaledStatus(loggedIn)).toEqual({
      version: '1.98.2',
      state: 'running',
      tags: ['tag:relay'],
      name: 'relay.tail1234.ts.net',
    });
  });

  it('of one that nobody has logged in', () => {
    expect(parseTailscaledStatus(loggedOut)).toEqual({ version: '1.102.3', state: 'needs-login', name: 'vm' });
  });

  it.each([
    ['NeedsMachineAuth', 'needs-login'],
    ['Stopped', 'stopped'],
    ['Starting', 'running'],
    ['SomethingNew', undefined],
  ])('calls %s %s', (state, ours) => {
    expect(parseTailscaledStatus(`{"BackendState": "${state}"}`).state).toBe(ours);
  });

  it.each([
    '',
    'null',
    '[]',
    '"text"',
    '{"Version": 1, "BackendState": {}, "Self": [], "Tags": "x"}',
    '{"Self": null}',
  ])('takes nothing from %s', (text) => {
    expect(parseTailscaledStatus(text)).toEqual({});
  });
});

// The real daemon is asked in the suite against Tailscale's programs; here a server on a socket of the same kind.
describe('findTailscaled', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  async function daemon(answer: RequestListener): Promise<string> {
    const socket = join(temporaryDirectory(), 's.sock');
    const server = createServer(answer).listen(socket);
    servers.push(server);
    await once(server, 'listening');
    return socket;
  }

  it('asks the first socket that somebody listens on, in the way that the daemon wants', async () => {
    const asked: unknown[] = [];
    const socket = await daemon(({ url, headers }, answer) => {
      asked.push(url, headers.host);
      answer.end(loggedIn);
    });
    expect(await findTailscaled(['/nonexistent/s.sock', socket])).toMatchObject({ socket, state: 'running' });
    expect(asked).toEqual(['/localapi/v0/status?peers=false', 'local-tailscaled.sock']);
  });

  it('finds nothing where there is no socket, or a dead daemon has left it', async () => {
    expect(await findTailscaled(['/nonexistent/s.sock'])).toBeUndefined();
    const socket = join(temporaryDirectory(), 's.sock');
    const code = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', code, socket]), 'exit');
    expect(existsSync(socket)).toBe(true);
    expect(await findTailscaled([socket])).toBeUndefined();
  });

  it('tells one that refuses or is silent by its socket alone', async () => {
    const refusing = await daemon((_request, answer) => answer.writeHead(403).end(loggedIn));
    expect(await findTailscaled([refusing])).toEqual({ socket: refusing });
    const silent = await daemon(() => {});
    const began = Date.now();
    expect(await findTailscaled([silent])).toEqual({ socket: silent });
    expect(Date.now() - began).toBeLessThan(5_000);
  });

  it('reads no endless answer', async () => {
    let sent = 0;
    const socket = await daemon((_request, answer) => {
      const more = () => {
        sent += 65_536;
        if (!answer.destroyed && answer.write(Buffer.alloc(65_536, ' '))) setImmediate(more);
      };
      answer.on('drain', more);
      more();
    });
    expect(await findTailscaled([socket])).toEqual({ socket });
    expect(sent).toBeLessThan(16 * 1024 * 1024);
  });
});
