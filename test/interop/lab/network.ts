/**
 * Three network namespaces without a way out: `srv` with a cable to `n1` and one to `n2`. It forwards nothing, so both
 * reach srv and neither reaches the other: what arrives has gone through a program in srv.
 *
 *     n1 ── 198.18.1.0/24, fd00:198:18:1::/64 ── srv ── 198.18.2.0/24, fd00:198:18:2::/64 ── n2
 *                                      198.18.0.1, fd00:198:18::1
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type Finished, Program, type RunOptions, run } from './programs.ts';
import { namespacePrefix } from './settings.ts';

/** The places of the lab. */
export type Place = 'srv' | 'n1' | 'n2';

/** The places that only a relay connects. */
export type NodePlace = 'n1' | 'n2';

/** The relay's addresses, on srv's loopback. */
export const relayAddress = { v4: '198.18.0.1', v6: 'fd00:198:18::1' } as const;

/** The nodes' addresses, as srv sees them. */
export const nodeAddress = {
  n1: { v4: '198.18.1.2', v6: 'fd00:198:18:1::2' },
  n2: { v4: '198.18.2.2', v6: 'fd00:198:18:2::2' },
} as const;

const serverEnd = {
  n1: { v4: '198.18.1.1', v6: 'fd00:198:18:1::1' },
  n2: { v4: '198.18.2.1', v6: 'fd00:198:18:2::1' },
} as const;

let networks = 0;

/** The namespaces of one scenario. */
export class Network {
  readonly #prefix = `${namespacePrefix()}-${process.pid}-${++networks}`;
  readonly #made: Place[] = [];
  readonly #names: Readonly<Record<string, readonly string[]>>;

  /** @param names host names that all places know, with their addresses */
  constructor(names: Readonly<Record<string, readonly string[]>>) {
    this.#names = names;
  }

  /** Makes the namespaces, cables, addresses and routes. */
  async open(): Promise<void> {
    for (const place of ['srv', 'n1', 'n2'] as const) await this.#make(place);
    await this.run('srv', ['sysctl', '-qw', 'net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0'], {
      seconds: 10,
    });
    await this.#ip('srv', 'addr', 'add', `${relayAddress.v4}/32`, 'dev', 'lo');
    await this.#ip('srv', 'addr', 'add', `${relayAddress.v6}/128`, 'dev', 'lo', 'nodad');
    for (const node of ['n1', 'n2'] as const) await this.#connect(node);
  }

  /** Removes the namespaces; their cables go with them. The programs in them must have been stopped. */
  async close(): Promise<void> {
    for (const place of this.#made.splice(0)) {
      rmSync(`/etc/netns/${this.#name(place)}`, { recursive: true, force: true });
      await run(['ip', 'netns', 'delete', this.#name(place)], { seconds: 10 });
    }
  }

  /** Runs a program to its end in one of the places. */
  run(place: Place, command: readonly string[], options: RunOptions): Promise<Finished> {
    return run([...this.#enter(place), ...command], options);
  }

  /** Starts a program in one of the places. The process id is the program's own: `ip netns exec` becomes it. */
  start(place: Place, command: readonly string[], logFile: string, env?: Readonly<Record<string, string>>): Program {
    return Program.start([...this.#enter(place), ...command], logFile, env);
  }

  /** Bytes that have left srv on the cable to a node so far, by the kernel's own count. */
  async bytesSentTo(node: NodePlace): Promise<number> {
    const command = ['cat', `/sys/class/net/to-${node}/statistics/tx_bytes`];
    return Number((await this.run('srv', command, { seconds: 10 })).stdout);
  }

  #name(place: Place): string {
    return `${this.#prefix}-${place}`;
  }

  #enter(place: Place): string[] {
    return ['ip', 'netns', 'exec', this.#name(place)];
  }

  async #make(place: Place): Promise<void> {
    const name = this.#name(place);
    // `ip netns exec` lays these files over the ones in /etc.
    mkdirSync(`/etc/netns/${name}`, { recursive: true });
    const known = Object.entries(this.#names).flatMap(([host, addresses]) => addresses.map((one) => `${one} ${host}`));
    writeFileSync(`/etc/netns/${name}/hosts`, ['127.0.0.1 localhost', '::1 localhost', ...known, ''].join('\n'));
    writeFileSync(`/etc/netns/${name}/resolv.conf`, '# no name servers here\n');
    this.#made.push(place);
    await run(['ip', 'netns', 'add', name], { seconds: 10 });
    await this.#ip(place, 'link', 'set', 'lo', 'up');
  }

  async #connect(node: NodePlace): Promise<void> {
    const peer = ['peer', 'name', 'eth0', 'netns', this.#name(node)];
    await this.#ip('srv', 'link', 'add', `to-${node}`, 'type', 'veth', ...peer);
    await this.#ip('srv', 'addr', 'add', `${serverEnd[node].v4}/24`, 'dev', `to-${node}`);
    await this.#ip('srv', 'addr', 'add', `${serverEnd[node].v6}/64`, 'dev', `to-${node}`, 'nodad');
    await this.#ip('srv', 'link', 'set', `to-${node}`, 'up');
    // Programs that listen on every address answer from the one that the route names: the relay's.
    const through = ['dev', `to-${node}`, 'src'];
    await this.#ip('srv', 'route', 'add', `${nodeAddress[node].v4}/32`, ...through, relayAddress.v4);
    await this.#ip('srv', '-6', 'route', 'add', `${nodeAddress[node].v6}/128`, ...through, relayAddress.v6);
    await this.#ip(node, 'addr', 'add', `${nodeAddress[node].v4}/24`, 'dev', 'eth0');
    await this.#ip(node, 'addr', 'add', `${nodeAddress[node].v6}/64`, 'dev', 'eth0', 'nodad');
    await this.#ip(node, 'link', 'set', 'eth0', 'up');
    await this.#ip(node, 'route', 'add', 'default', 'via', serverEnd[node].v4);
    await this.#ip(node, '-6', 'route', 'add', 'default', 'via', serverEnd[node].v6);
  }

  async #ip(place: Place, ...args: string[]): Promise<void> {
    await run(['ip', '-n', this.#name(place), ...args], { seconds: 10 });
  }
}
