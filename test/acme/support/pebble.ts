/**
 * Pebble, Let's Encrypt's own test authority, on the loopback address, with a name server that it validates by. It says
 * yes only to what Let's Encrypt would say yes to, as far as the protocol goes; its policies are not Let's Encrypt's.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeChain, type TestChain } from '../../setup/certificate/authority.ts';
import { toolsFolder, workFolder } from './settings.ts';

/** How the authority behaves. */
export interface PebbleOptions {
  /** Where it listens, and the name server beside it. @default 127.0.0.1 */
  address?: string;
  /** Where it looks for answers. @default two free ports */
  httpPort?: number;
  tlsPort?: number;
  /** Which addresses names lead to. @default 127.0.0.1 and no IPv6 address */
  ipv4?: string;
  ipv6?: string;
  /** The share of requests that are refused for their nonce, percent. @default 0 */
  badNonces?: number;
  /** Seconds that a validation takes at most, at random; 0 none. @default 0 */
  sleep?: number;
  /** How long certificates last by profile, seconds. */
  profiles?: Record<string, number>;
  /** Accounts must be bound to one of these, by key id. */
  externalAccounts?: Record<string, string>;
  caaIdentities?: string[];
  blocked?: string[];
  /** What its own server shows. @default a new one, of an authority of its own */
  identity?: TestChain;
}

/** A running authority. */
export interface Pebble {
  directoryUrl: string;
  /** To be trusted for the connection to it, PEM. */
  authority: string;
  httpPort: number;
  tlsPort: number;
  /** What the certificates that it issues lead to, PEM; new each time that it starts. */
  issuingRoot(): Promise<string>;
  /** Asks its management interface. */
  manage(path: string, body: object): Promise<void>;
  /** What it has printed so far. */
  log(): string;
  stop(): Promise<void>;
}

/**
 * Where the ports of one worker begin and how many there are: test files that run side by side have different ones, and
 * the kernel takes none of them for a connection (it begins at 32768). Another run may be about, hence the random start.
 */
const portsOfWorker = 5000;
const firstPort = 10_000 + portsOfWorker * (Number(process.env.VITEST_POOL_ID ?? 0) % 4);
let nextPort = randomInt(portsOfWorker);

/** Ports that nobody has at the moment, and that this gives to nobody else for a long time. */
export async function freePorts(count: number, address = '127.0.0.1'): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > portsOfWorker) throw new Error(`no port of ${address} is free from ${firstPort} on`);
    const port = firstPort + (nextPort++ % portsOfWorker);
    if (await isFree(port, address)) ports.push(port);
  }
  return ports;
}

/** Whether a program can listen there. */
function isFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(port, address, () => server.close(() => resolve(true)));
  });
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await Promise.race([ended, delay(5000).then(() => child.kill('SIGKILL'))]);
  await ended;
}

function fetchText(url: string, ca: string, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const headers = { 'User-Agent': 'derp-setup-test' };
    const asked = request(url, { ca, agent: false, method, headers, timeout: 5000 }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () =>
        (answer.statusCode ?? 500) < 300 ? resolve(text) : reject(new Error(`${url}: ${answer.statusCode}: ${text}`)),
      );
    });
    asked.on('error', reject);
    if (body !== undefined) asked.write(body);
    asked.end();
  });
}

/** Starts one. */
export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  const address = options.address ?? '127.0.0.1';
  const [listen, management, dns, dnsManagement, http, tls] = (await freePorts(6, address)) as number[];
  const { httpPort = http!, tlsPort = tls! } = options;
  mkdirSync(workFolder(), { recursive: true });
  const folder = mkdtempSync(join(workFolder(), 'pebble-'));
  const path = (name: string) => join(folder, name);
  const chain = options.identity ?? (await makeChain({ type: 'ip', value: address }));
  writeFileSync(path('cert.pem'), chain.leaf + chain.intermediate);
  writeFileSync(path('key.pem'), chain.key);
  const profiles = options.profiles ?? { default: 7_776_000, shortlived: 518_400 };
  const config = {
    pebble: {
      listenAddress: `${address}:${listen}`,
      managementListenAddress: `${address}:${management}`,
      certificate: path('cert.pem'),
      privateKey: path('key.pem'),
      httpPort,
      tlsPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: options.externalAccounts !== undefined,
      externalAccountMACKeys: options.externalAccounts ?? {},
      caaIdentities: options.caaIdentities ?? [],
      domainBlocklist: options.blocked ?? [],
      retryAfter: { authz: 1, order: 1 },
      keyAlgorithm: 'ecdsa',
      profiles: Object.fromEntries(
        Object.entries(profiles).map(([name, validityPeriod]) => [name, { description: name, validityPeriod }]),
      ),
    },
  };
  writeFileSync(path('config.json'), JSON.stringify(config, null, 2));
  const log = openSync(path('log.txt'), 'a');
  const run = (program: string, args: string[], env: Record<string, string> = {}) =>
    spawn(join(toolsFolder(), program), args, {
      stdio: ['ignore', log, log],
      env: { PATH: process.env.PATH ?? '', ...env },
    });
  const names = run('pebble-challtestsrv', [
    ...['-defaultIPv4', options.ipv4 ?? '127.0.0.1', '-defaultIPv6', options.ipv6 ?? ''],
    ...['-dnsserver', `${address}:${dns}`, '-management', `${address}:${dnsManagement}`],
    ...['-doh', '', '-http01', '', '-https01', '', '-tlsalpn01', ''],
  ]);
  const pebble = run('pebble', ['-config', path('config.json'), '-dnsserver', `${address}:${dns}`], {
    ...(options.sleep ? { PEBBLE_VA_SLEEPTIME: String(options.sleep) } : { PEBBLE_VA_NOSLEEP: '1' }),
    PEBBLE_WFE_NONCEREJECT: String(options.badNonces ?? 0),
    PEBBLE_AUTHZREUSE: '0',
    PEBBLE_VA_ALWAYS_VALID: '0',
  });
  closeSync(log);
  const directoryUrl = `https://${address}:${listen}/dir`;
  const authority = chain.intermediate + chain.root;
  const manageUrl = `https://${address}:${management}`;
  const stop = async () => {
    await Promise.all([stopChild(pebble), stopChild(names)]);
  };
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await fetchText(directoryUrl, authority).catch((error: Error) => error);
    if (typeof answer === 'string') break;
    if (Date.now() > deadline || pebble.exitCode !== null) {
      await stop();
      throw new Error(`Pebble did not start: ${answer.message}\n${readFileSync(path('log.txt'), 'utf8')}`);
    }
    await delay(50);
  }
  return {
    directoryUrl,
    authority,
    httpPort,
    tlsPort,
    issuingRoot: () => fetchText(`${manageUrl}/roots/0`, authority),
    manage: async (place, body) => {
      await fetchText(`${manageUrl}${place}`, authority, JSON.stringify(body));
    },
    log: () => readFileSync(path('log.txt'), 'utf8'),
    stop,
  };
}
