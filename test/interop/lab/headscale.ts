/** Headscale in the lab's srv namespace, over plain HTTP: the control server that hands the DERP map to the nodes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { headscaleMap, type MapOptions } from './derp-map.ts';
import type { Identity } from './identity.ts';
import { type Network, relayAddress } from './network.ts';
import { type Program, until } from './programs.ts';
import { tool } from './settings.ts';

const listen = `${relayAddress.v4}:8080`;

/** A control server with one user and one key for its nodes. */
export class Headscale {
  /** Where nodes log in. */
  readonly url = `http://${listen}`;
  readonly #network: Network;
  readonly #folder: string;
  #program: Program | undefined;

  constructor(network: Network, folder: string) {
    this.#network = network;
    this.#folder = folder;
  }

  get logFile(): string {
    return join(this.#folder, 'headscale.log');
  }

  /** Starts it with a map that has nothing but the lab's region. */
  async start(identity: Identity, map: MapOptions): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, 'derp.yaml'), headscaleMap(identity, map));
    writeFileSync(this.#configFile, JSON.stringify(this.#config(), undefined, 2));
    await this.resume();
    await this.#command('users', 'create', 'lab');
  }

  /** Starts it again, with what it knew when it was stopped. */
  async resume(): Promise<void> {
    const program = this.#network.start('srv', [tool('headscale'), '-c', this.#configFile, 'serve'], this.logFile);
    this.#program = program;
    await until('Headscale to answer', 30, async () => {
      if (program.exit !== undefined) throw new Error(`it ended: ${program.exit}`);
      await this.#network.run('srv', ['curl', '-sSf', '--max-time', '5', `${this.url}/health`], { seconds: 8 });
      return true;
    });
  }

  /** A key by which nodes may join. */
  async authKey(): Promise<string> {
    return (await this.#command('preauthkeys', 'create', '--user', '1', '--reusable')).trim();
  }

  /** Removes a node from the tailnet, by its host name. */
  async deleteNode(name: string): Promise<void> {
    const nodes = JSON.parse(await this.#command('nodes', 'list', '--output', 'json')) as {
      id: number;
      name: string;
    }[];
    const node = nodes.find((one) => one.name === name);
    if (!node) throw new Error(`Headscale knows no node ${name}: ${JSON.stringify(nodes)}`);
    await this.#command('nodes', 'delete', '--force', '--identifier', String(node.id));
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
    this.#program = undefined;
  }

  async #command(...args: string[]): Promise<string> {
    const command = [tool('headscale'), '-c', this.#configFile, ...args];
    return (await this.#network.run('srv', command, { seconds: 20 })).stdout;
  }

  get #configFile(): string {
    // JSON is YAML too.
    return join(this.#folder, 'headscale.yaml');
  }

  #config(): object {
    const file = (name: string) => join(this.#folder, name);
    return {
      server_url: this.url,
      listen_addr: listen,
      metrics_listen_addr: '127.0.0.1:9090',
      grpc_listen_addr: '127.0.0.1:50443',
      noise: { private_key_path: file('noise.key') },
      prefixes: { v4: '100.64.0.0/10', v6: 'fd7a:115c:a1e0::/48' },
      database: { type: 'sqlite', sqlite: { path: file('headscale.sqlite') } },
      derp: { server: { enabled: false }, urls: [], paths: [file('derp.yaml')], auto_update_enabled: false },
      dns: { magic_dns: false, override_local_dns: false, base_domain: 'tailnet.test' },
      unix_socket: file('headscale.sock'),
      disable_check_updates: true,
      logtail: { enabled: false },
      log: { level: 'info' },
    };
  }
}
