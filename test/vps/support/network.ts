/**
 * The network of one machine: a namespace with one cable, to the host, and no way any further. What the machine listens
 * on is reached by its address, from the host and thus from the tests, and takes no port of the host.
 *
 *     host ── 198.51.100.n ────────── 203.0.113.n ── eth0, machine
 *             2001:db8:0:n::1         2001:db8:0:n::2, when wanted
 *
 * These are the networks of documentation (RFC 5737, RFC 3849): not private ones, and nobody's.
 */
import { writeFileSync } from 'node:fs';
import { describeRun, mustOnHost, runOnHost } from './commands.ts';

/** How the machine is connected. */
export interface NetworkOptions {
  /** An address in place of the one it would get, for example one of a private network. */
  ipv4?: string;
  /** `true` for one of 2001:db8::/32, or the address. @default none, as on many small servers */
  ipv6?: boolean | string;
}

/** Addresses of a machine and of its host end with the number of the cable between them. */
const lastNumber = 254;

/** A namespace and its cable. */
export class MachineNetwork {
  readonly #name: string;
  readonly #options: NetworkOptions;
  /** How many namespaces it has had. */
  #namespaces = 0;
  /** What tells this cable from those of other machines, of other runs as well; 0 before there is one. */
  #number = 0;
  #isPluggedIn = false;

  /** @param name what the names of its namespaces begin with */
  constructor(name: string, options: NetworkOptions) {
    this.#name = name;
    this.#options = options;
  }

  /** The name of the namespace that the machine is in, or is to start in. */
  get namespace(): string {
    return `${this.#name}-${this.#namespaces}`;
  }

  /** The machine's IPv4 address. */
  get ipv4(): string {
    return this.#options.ipv4 ?? `203.0.113.${this.#number}`;
  }

  /** The machine's IPv6 address, if it has one. */
  get ipv6(): string | undefined {
    const { ipv6 } = this.#options;
    return typeof ipv6 === 'string' ? ipv6 : ipv6 ? `2001:db8:0:${this.#number}::2` : undefined;
  }

  /** The host's end of the cable, where a test's own servers may listen. */
  get host(): { readonly ipv4: string; readonly ipv6: string | undefined } {
    return { ipv4: `198.51.100.${this.#number}`, ipv6: this.ipv6 && `2001:db8:0:${this.#number}::1` };
  }

  /** Makes the namespace, its cable, the addresses and routes. */
  async open(): Promise<void> {
    await this.#makeNamespace();
    try {
      await this.#plugIn();
      await this.#addressHost();
      await this.#addressMachine();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Makes it as it was at first, because a reboot forgets addresses, routes and firewall rules. The cable stays: without
   * it another machine that boots just then would take its number, and the addresses with it.
   */
  async renew(): Promise<void> {
    const before = this.namespace;
    await this.#makeNamespace();
    await mustOnHost(['ip', '-n', before, 'link', 'set', 'eth0', 'netns', this.namespace]);
    await mustOnHost(['ip', 'netns', 'delete', before]);
    await this.#addressMachine();
  }

  /** Removes all of it. The programs in it must have ended. */
  async close(): Promise<void> {
    // The cable goes at once; with the namespace it would go a little later, and its name would still be taken.
    if (this.#isPluggedIn) await mustOnHost(['ip', 'link', 'delete', this.#cable]);
    this.#isPluggedIn = false;
    await mustOnHost(['ip', 'netns', 'delete', this.namespace]);
  }

  async #makeNamespace(): Promise<void> {
    this.#namespaces++;
    await mustOnHost(['ip', 'netns', 'add', this.namespace]);
  }

  get #cable(): string {
    return `derpvps${this.#number}`;
  }

  /** Takes the first number whose cable nobody has, as the kernel makes no two of one name. */
  async #plugIn(): Promise<void> {
    for (this.#number = 1; this.#number <= lastNumber; this.#number++) {
      const peer = ['peer', 'name', 'eth0', 'netns', this.namespace];
      const command = ['ip', 'link', 'add', this.#cable, 'type', 'veth', ...peer];
      const finished = await runOnHost(command);
      this.#isPluggedIn = finished.code === 0;
      if (this.#isPluggedIn) return;
      if (!finished.stderr.includes('File exists')) throw new Error(describeRun(command, finished));
    }
    throw new Error('every cable is taken; see:  ip link show type veth');
  }

  /** Addresses and routes of the host's end. */
  async #addressHost(): Promise<void> {
    const cable = this.#cable;
    // Not even a host that forwards for others, as one with Docker does, forwards for the machine.
    writeFileSync(`/proc/sys/net/ipv4/conf/${cable}/forwarding`, '0');
    writeFileSync(`/proc/sys/net/ipv6/conf/${cable}/forwarding`, '0');
    const { host, ipv4, ipv6 } = this;
    await batch(`
      addr add ${host.ipv4}/32 dev ${cable}
      ${host.ipv6 ? `addr add ${host.ipv6}/128 dev ${cable} nodad` : ''}
      link set ${cable} up
      route add ${ipv4}/32 dev ${cable} src ${host.ipv4}
      ${ipv6 ? `route add ${ipv6}/128 dev ${cable} src ${host.ipv6}` : ''}
    `);
  }

  /** Those of the machine's end. */
  async #addressMachine(): Promise<void> {
    const { host, ipv4, ipv6 } = this;
    await batch(
      `
      link set lo up
      addr add ${ipv4}/32 dev eth0
      ${ipv6 ? `addr add ${ipv6}/128 dev eth0 nodad` : ''}
      link set eth0 up
      route add default via ${host.ipv4} dev eth0 onlink
      ${ipv6 ? `route add ::/0 via ${host.ipv6} dev eth0 onlink` : ''}
    `,
      ['-n', this.namespace],
    );
  }
}

/** Several of ip's commands, in one process. */
async function batch(lines: string, options: readonly string[] = []): Promise<void> {
  const input = lines
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .join('\n');
  await mustOnHost(['ip', ...options, '-batch', '-'], { input: `${input}\n` });
}
