/** Tailscale's own client in front of our relay, on the loopback address: does it take the certificate that it is shown? */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { Program, run, until } from '../../interop/lab/programs.ts';
import { tool, topFolder } from '../../interop/lab/settings.ts';
import { freePorts } from './pebble.ts';
import { workFolder } from './settings.ts';

/** A certificate with its key, and whom it is for. */
export interface Shown {
  host: string;
  /** Leaf first, PEM. */
  certPem: string;
  keyPem: string;
}

/** What a client goes by. */
export interface Belief {
  /** The map's HostName: where the client believes to be. */
  host: string;
  /** The map's CertName. */
  pin?: string;
  /** The only authorities that it trusts, PEM. @default none */
  roots?: string;
}

/** What it thought of the certificate. */
export interface Verdict {
  accepted: boolean;
  /** Why not, in Tailscale's words. */
  reason?: string;
}

/** A relay that shows one certificate. */
export interface ShowingRelay {
  port: number;
  folder: string;
  /** How many clients it has let in. */
  logins(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts derp-relay as its operator would, with a certificate from files, on a free port. */
export async function showCertificate({ host, certPem, keyPem }: Shown): Promise<ShowingRelay> {
  mkdirSync(workFolder(), { recursive: true });
  const folder = mkdtempSync(join(workFolder(), 'client-'));
  writeFileSync(join(folder, `${host}.crt`), certPem);
  writeFileSync(join(folder, `${host}.key`), keyPem, { mode: 0o600 });
  const [port] = (await freePorts(1)) as [number];
  const flags = ['-a', `127.0.0.1:${port}`, '-http-port', '-1', '-stun-port', '-1', '-c', join(folder, 'derper.key')];
  const certificate = ['-certmode', 'manual', '-certdir', folder, '-hostname', host];
  const command = [process.execPath, join(topFolder, 'bin/derp-relay.cjs'), ...flags, ...certificate];
  const program = Program.start(command, join(folder, 'relay.log'));
  const logins = async () => {
    const counted = JSON.parse(await fetchUnverified(`https://127.0.0.1:${port}/debug/vars`)).logins;
    return Object.values<number>(counted).reduce((sum, count) => sum + count, 0);
  };
  try {
    await until('the relay to answer', 30, async () => program.exit !== undefined || (await logins()) === 0, 20);
    if (program.exit !== undefined) throw new Error(`the relay ended: ${program.exit}\n${program.log()}`);
  } catch (error) {
    await program.stop();
    throw error;
  }
  return { port, folder, logins, stop: () => program.stop() };
}

/** Lets derpprobe, which connects by Tailscale's own DERP client, log in to the relay. */
export async function askClient(relay: ShowingRelay, belief: Belief): Promise<Verdict> {
  // Its check of TLS alone looks the name up and knows no pins; this leaves the logins.
  const output = await derpprobe(relay, belief, ['-tls-interval', '0']);
  const { good, reason } = checkNamed('derp/lab/900a/900a/mesh', output);
  // It says so once it is in: Go remembers no server name for an address, and derpprobe then wonders at that.
  if (good || reason === `TLS server name "" != derp hostname "${belief.host}"`) return { accepted: true };
  return {
    accepted: false,
    reason: reason.replace(/^derphttp\.Client\.Connect connect to region 900 \(lab-900a\): /, ''),
  };
}

/** Lets derpprobe look at the certificate alone, as Go programs of any kind would. Only for addresses: names are looked up. */
export async function askTlsCheck(relay: ShowingRelay, belief: Belief): Promise<Verdict> {
  const { good, reason } = checkNamed('derp/lab/900a/tls', await derpprobe(relay, belief, []));
  return good ? { accepted: true } : { accepted: false, reason };
}

async function derpprobe({ port, folder }: ShowingRelay, { host, pin, roots = '' }: Belief, flags: string[]) {
  const node = {
    ...{ Name: '900a', RegionID: 900, HostName: host, ...(pin ? { CertName: pin } : {}) },
    ...{ IPv4: '127.0.0.1', IPv6: 'none', DERPPort: port, STUNPort: -1 },
  };
  const region = { RegionID: 900, RegionCode: 'lab', RegionName: 'Lab relay', Nodes: [node] };
  const [mapFile, rootsFile] = [join(folder, 'derp-map.json'), join(folder, 'roots.pem')];
  writeFileSync(mapFile, JSON.stringify({ Regions: { 900: region } }));
  writeFileSync(rootsFile, roots);
  const command = [tool('derpprobe'), '-derp-map', `file://${mapFile}`, '-once', '-spread=false', ...flags];
  const env = { SSL_CERT_FILE: rootsFile, SSL_CERT_DIR: '/nonexistent' };
  return (await run(command, { seconds: 75, env, accept: 'any' })).stderr;
}

function checkNamed(name: string, output: string): { good: boolean; reason: string } {
  const line = output.split('\n').find((text) => text.includes(` good: ${name}: `) || text.includes(` bad: ${name}: `));
  if (line === undefined) throw new Error(`derpprobe has not made its check ${name}:\n${output}`);
  return { good: line.includes(` good: ${name}: `), reason: line.slice(line.indexOf(`${name}: `) + name.length + 2) };
}

function fetchUnverified(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { rejectUnauthorized: false, agent: false, timeout: 5000 }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve(text));
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer in time: ${url}`)));
    asked.on('error', reject).end();
  });
}
