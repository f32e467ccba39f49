/** Headscale and two nodes around a lab's relay. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MapOptions } from './derp-map.ts';
import { Headscale } from './headscale.ts';
import type { Identity } from './identity.ts';
import type { Lab } from './lab.ts';
import { nodeAddress } from './network.ts';
import { TailnetNode } from './node.ts';
import { until } from './programs.ts';

const filePort = 9000;
const fileBytes = 20_000_000;
const fileServer = fileURLToPath(new URL('helpers/file-server.mjs', import.meta.url));

/** What may differ from one tailnet to the next. */
export interface TailnetOptions {
  readonly map: MapOptions;
  /** More for n1's environment. */
  readonly environmentOfN1?: Readonly<Record<string, string>>;
}

/** What a transfer has shown. */
export interface Transfer {
  readonly sent: string;
  readonly received: string;
  readonly milliseconds: number;
}

/** Two nodes that can talk only through the lab's relay; n2 serves a file of 20 MB. */
export class Tailnet {
  readonly n1: TailnetNode;
  readonly n2: TailnetNode;
  readonly #lab: Lab;
  readonly #hash: string;

  private constructor(lab: Lab, n1: TailnetNode, n2: TailnetNode, hash: string) {
    this.#lab = lab;
    this.n1 = n1;
    this.n2 = n2;
    this.#hash = hash;
  }

  /** Starts Headscale and two nodes that log in to it, and waits until each knows the other. */
  static async join(lab: Lab, identity: Identity, options: TailnetOptions): Promise<Tailnet> {
    const headscale = new Headscale(lab.network, lab.folder);
    lab.watch(headscale);
    lab.onClose(() => headscale.stop());
    await headscale.start(identity, options.map);
    const key = await headscale.authKey();

    const n1 = new TailnetNode('n1', lab.network, identity, lab.folder, options.environmentOfN1);
    const n2 = new TailnetNode('n2', lab.network, identity, lab.folder);
    const nodes = [n1, n2];
    for (const node of nodes) {
      lab.watch(node);
      lab.onClose(() => node.stop());
    }
    await Promise.all(nodes.map((node) => node.join(headscale, key)));
    await Promise.all([n1.waitForPeer(n2), n2.waitForPeer(n1)]);

    const content = randomBytes(fileBytes);
    const files = join(lab.folder, 'files');
    mkdirSync(files);
    lab.onClose(async () => rmSync(files, { recursive: true }));
    const file = join(files, 'sent');
    writeFileSync(file, content);
    const serve = [process.execPath, fileServer, String(filePort), file];
    lab.keep(lab.network.start('n2', serve, join(lab.folder, 'file-server.log')));
    await until('the file server to answer', 10, async () => {
      const head = ['curl', '-sSfI', '--max-time', '2', `http://127.0.0.1:${filePort}/`];
      return (await lab.network.run('n2', head, { seconds: 5 })).code === 0;
    });
    return new Tailnet(lab, n1, n2, createHash('sha256').update(content).digest('hex'));
  }

  /** Moves the file from n2 to n1 through the tailnet, as fast as it goes or at a rate. */
  async transfer(name: string, options: { seconds: number; bytesPerSecond?: number }): Promise<Transfer> {
    const file = join(this.#lab.folder, 'files', name);
    const started = Date.now();
    const query = options.bytesPerSecond ? `?rate=${options.bytesPerSecond}` : '';
    await this.n1.download(`http://${await this.n2.address()}:${filePort}/${query}`, file, options.seconds);
    const milliseconds = Date.now() - started;
    const received = createHash('sha256').update(readFileSync(file)).digest('hex');
    return { sent: this.#hash, received, milliseconds };
  }

  /** Whether the file's server can be had from a place by its address outside the tailnet. */
  async reachableDirectly(from: 'srv' | 'n1'): Promise<boolean> {
    const url = `http://${nodeAddress.n2.v4}:${filePort}/`;
    const head = ['curl', '-sSfI', '--max-time', '2', url];
    return (await this.#lab.network.run(from, head, { seconds: 5, accept: 'any' })).code === 0;
  }

  /** Waits until each node reaches the other through WireGuard, and gives the time it took. */
  async waitUntilConnected(seconds: number): Promise<number> {
    const started = Date.now();
    const [address1, address2] = await Promise.all([this.n1.address(), this.n2.address()]);
    await Promise.all([
      until('n1 to reach n2', seconds, () => this.n1.reaches(address2)),
      until('n2 to reach n1', seconds, () => this.n2.reaches(address1)),
    ]);
    return Date.now() - started;
  }
}
