import type { StopRefusal } from '../../../setup/derper/stop.ts';
import type { TakeOverGap } from '../../../setup/derper/take-over.ts';
import type { PortOwner } from '../../../system/port-owner.ts';
import { owner } from './problems.ts';

export const wizard = {
  otherLanguage: '中文: --lang zh',
  intro: 'Enter takes what is offered, Escape goes back. The plan comes before any change.',
  introAgain: 'Enter keeps what was answered, Escape goes back. The plan comes before any change.',
  planning: 'working out the plan',
  noAnswer: 'none',
  givenBy: (place: string) => `(${place})`,
  keep: 'keep',
  change: 'change',
  quoted: (text: string) => `"${text}"`,
  /** A rule that a text breaks, and the way out. */
  broken: (text: string | undefined, rule: string, remedy: string | undefined) =>
    `${text === undefined ? '' : `${text} `}${rule}${remedy === undefined ? '' : `; ${remedy}`}`,

  keys: {
    select: '↑↓ choose · Enter take · Esc back',
    disabled: 'This cannot be chosen here.',
    letter: (key: string, name: string, isDefault: boolean) => `${isDefault ? 'Enter' : key} = ${name}`,
    unknown: (text: string) => `${text} is none of these`,
    yes: 'yes',
    no: 'no',
  },

  labels: {
    derper: 'derper',
    host: 'Address',
    certificate: 'Certificate',
    target: 'Runs as',
    ports: 'Ports',
    verification: 'Open to',
    region: 'Region',
    firewall: 'Firewall',
  },

  table: {
    looking: 'looking at this machine',
    machine: 'This machine',
    addresses: 'Addresses',
    noAddress: 'none but its own loopback',
    more: (count: number) => `${count} more`,
    noSystemd: 'no systemd',
    node: (version: string, reachable: boolean) => (reachable ? `Node ${version}` : `Node ${version} (brought along)`),
    container: (kind: string) => `in ${kind}`,
    notRoot: 'not root',
    port: (port: number, protocol: string) => `Port ${port}${protocol === 'udp' ? '/udp' : ''}`,
    free: 'free',
    taken: (who: PortOwner | undefined) => owner(who),
    notRunning: 'not running',
    notInstalled: 'not installed',
    silent: 'does not answer',
    states: {
      running: (who: string | undefined) => (who === undefined ? 'logged in' : `logged in as ${who}`),
      'needs-login': (_: string | undefined) => 'not logged in',
      stopped: (_: string | undefined) => 'stopped',
    },
    usable: 'running',
    denied: 'may not be used by this user',
    notAnswering: 'its engine does not run',
    firewall: 'Firewall',
    active: (tool: string) => `${tool} is active`,
    none: 'none',
    onlyRootSees: 'only root can see it',
    found: (name: string) => `${name} is installed here`,
  },

  host: {
    ask: 'How will clients reach this relay? (name or IP)',
    looking: (host: string) => `looking up ${host}`,
    unresolved: (host: string) => `${host} does not resolve yet. Use it all the same?`,
    unresolvedInfo: 'Clients cannot find the relay until DNS knows the name.',
    elsewhere: (host: string, addresses: readonly string[], isAddress: boolean) =>
      isAddress
        ? `${host} is not an address of this machine. Use it all the same?`
        : `${host} resolves to ${addresses.join(', ')}, which is not this machine. Use it all the same?`,
    elsewhereInfo: "Right where a provider's NAT or a forwarded port leads here; wrong otherwise.",
    another: 'no, another one',
    useIt: 'yes',
    useUnresolved: 'the DNS record will follow',
    useElsewhere: 'packets for it arrive here',
    tellUnresolved: 'does not resolve yet',
    tellElsewhere: (isAddress: boolean): string =>
      isAddress ? 'not an address of this machine' : 'resolves to another machine',
    tellNat: "behind a provider's NAT",
    tellScope: {
      unspecified: 'no address',
      loopback: 'reached from this machine only',
      'link-local': 'reached from one cable only',
      private: 'reached from your own network only',
      shared: "reached from a provider's or a tailnet's network only",
    },
    tellAddress: "this machine's address",
    tellName: 'resolves to this machine',
  },

  certificate: {
    ask: 'Certificate',
    modes: {
      letsencrypt: "Let's Encrypt",
      'self-signed': 'Self-signed, pinned in the map',
      manual: 'Files I already have',
    },
    notes: {
      letsencrypt: 'trusted everywhere, renewed by itself',
      'self-signed': 'also works offline; clients 1.84 or later',
      manual: 'a chain and its key, PEM',
    },
    forAddress: "Let's Encrypt, for the IP address",
    privateHost: '(not for an address of a private network)',
    askChain: 'Certificate chain (PEM file)',
    askKey: 'Its private key (PEM file)',
    tellNotes: { letsencrypt: 'renewed by itself', 'self-signed': 'clients 1.84 or later' },
    derper: "derper's own",
    derperNote: 'goes on with it',
    tellFiles: (certFile: string, keyFile: string) => `${certFile}, ${keyFile}`,
  },

  target: {
    ask: 'Run it with',
    names: {
      systemd: 'systemd',
      'nginx-bypass': 'systemd, behind nginx',
      compose: 'Docker Compose',
      foreground: 'this terminal',
    },
    notes: {
      systemd: 'starts at boot, as a user of its own, sandboxed',
      'nginx-bypass': 'shares 443 with the sites that nginx serves here',
      compose: "in a container, on the host's network",
      foreground: 'until Ctrl-C, to try it out',
    },
    sharesWith: (sites: readonly string[]) =>
      sites.length > 2
        ? `shares 443 with ${sites.slice(0, 2).join(', ')} and ${sites.length - 2} more`
        : `shares 443 with ${sites.join(' and ')}`,
    unsuitable: {
      'no-root': '(needs root: run it with sudo)',
      'no-systemd': '(systemd does not run here)',
      'no-docker': '(Docker is not installed)',
      'docker-snap': '(Docker is a snap, which does not see /etc and /usr/local)',
      'no-compose': '(Docker Compose is not installed)',
      'docker-denied': '(this user may not use Docker)',
      'docker-stopped': "(Docker's engine does not run)",
      'no-nginx': '(nginx is not installed here)',
      'nginx-configuration': '(nginx refuses its own configuration: sudo nginx -t)',
      'nginx-running': '(nginx does not run)',
      'nginx-modules': '(nginx lacks its stream module: --deploy nginx-bypass names the package)',
      'nginx-sites': '(nginx serves nothing on 443)',
    },
  },

  ports: {
    ask: 'Ports',
    labels: { derpPort: 'DERP', stunPort: 'STUN', httpPort: 'HTTP' },
    off: 'off',
    askOne: {
      derpPort: 'DERP over HTTPS (TCP port)',
      stunPort: 'STUN (UDP port, -1 = off)',
      httpPort: 'Plain HTTP, for captive-portal checks (TCP port, -1 = off)',
    },
  },

  verification: {
    ask: 'Who may use it?',
    kinds: {
      tailscaled: "members of this machine's tailnet",
      url: 'whoever an admission URL lets in',
      keys: 'a list of node keys',
      none: 'anyone',
    },
    notes: {
      tailscaled: 'tailscaled is asked about each client',
      url: "such as Headscale's /verify",
      keys: 'a file, one nodekey:… a line',
      none: 'strangers find open relays and use them',
    },
    tailscaled: {
      absent: '(tailscaled does not run here)',
      silent: '(tailscaled does not answer)',
      'needs-login': '(not logged in: tailscale up)',
      stopped: '(stopped: tailscale up)',
    },
    askUrl: 'Admission URL (https://…)',
    askKeys: 'File with the keys',
    sure: 'Really open to anyone?',
    sureInfo:
      'Strangers look for open relays and send their traffic through those that they find: your bandwidth, your bill, and your address in the complaints.',
    notSure: 'no, choose another way',
    isSure: 'yes, open to anyone',
    open: 'strangers can use it too',
    onlyFrom: (list: string) => `only from ${list}`,
  },

  region: {
    ask: 'Region in the map',
    askOne: {
      regionId: 'Region number (900 to 999 for your own)',
      regionCode: 'Region code (short, such as myderp)',
      regionName: 'Region name (as people see it)',
    },
    remarks: {
      'tailscale-region': "one of Tailscale's own, which it replaces",
      'outside-custom-range': 'outside 900 to 999',
    },
  },

  firewall: {
    ask: (tool: string, ports: string) => `${tool} keeps clients out. Open ${ports}?`,
    notLasting: 'Nothing on this machine saves these rules: they are gone after its next start.',
    open: 'yes',
    leave: 'no',
    leaveNote: 'clients stay out until you open them yourself',
    refused: (ports: string) => `(a rule of your own keeps ${ports} shut: remove it first)`,
    tellOpen: (tool: string, ports: string) => `open ${ports} in ${tool}`,
    tellClosed: (tool: string) => `leave ${tool} as it is`,
  },

  derper: {
    looking: 'looking at derper',
    ask: (name: string) => `A derper is installed here (${name}). Take its place?`,
    takes: (what: readonly string[]) =>
      what.length === 0 ? 'Nothing of it can be gone on with.' : `Gone on with: ${what.join(', ')}.`,
    takesHost: (host: string) => `the host ${host}`,
    takesPorts: (ports: string) => `ports ${ports}`,
    takesKey: 'its key',
    takesCertificate: (until: string) => `its certificate (to ${until})`,
    lacks: (parts: readonly string[]) => `Not to be had from it: ${parts.join(', ')}.`,
    gaps: {
      host: 'a host name',
      'relay-key': 'its key',
      certificate: 'its certificate',
      port: 'a port',
      'mesh-key': 'its mesh key',
      verify: 'letting clients in while the admission URL does not answer',
    } satisfies Record<TakeOverGap['part'], string>,
    drops: (flags: readonly string[]) => `Not carried over: ${flags.join(', ')}.`,
    scheduled: (file: string, line: number) => `cron would start it again: remove line ${line} of ${file}.`,
    take: 'yes',
    takeNote: 'it is stopped, and started again if anything fails',
    leave: 'no',
    leaveNote: 'it stays as it is; the relay needs other ports',
    refusals: {
      unmanaged: '(nothing manages it: stop it yourself first)',
      'transient-unit': '(its unit would be lost: stop it yourself first)',
      'unknown-unit': '(systemd does not know its unit: stop it yourself first)',
      'unknown-engine': '(its container engine is unknown: stop it there first)',
      'engine-silent': '(its container engine does not answer)',
      swarm: '(Docker Swarm runs it: remove the service there first)',
      'auto-removed': '(its container would be deleted: stop it yourself first)',
    } satisfies Record<StopRefusal['code'], string>,
    tellTaken: (name: string) => `take the place of ${name}`,
    tellLeft: (name: string) => `leave ${name} alone`,
  },

  menu: {
    ask: 'What next?',
    up: (time: string) => `up ${time}`,
    looking: 'looking at the relay',
    needsRoot: '(needs root: sudo derp-setup)',
    clients: (count: number) => (count === 1 ? '1 client' : `${count} clients`),
    relayed: (bytes: string) => `${bytes} relayed`,
    certificate: (until: string) => `certificate to ${until}`,
    upgrade: (version: string) => `Upgrade to ${version}`,
    names: {
      status: 'Show status',
      change: 'Change settings',
      renew: 'Renew certificate now',
      paste: 'Show what to paste',
      upgrade: 'Upgrade',
      check: 'Check for trouble',
      remove: 'Remove',
      quit: 'Quit',
    },
    notes: {
      status: 'live, until Ctrl-C',
      change: 'the questions again, with what was answered',
      renew: 'clients stay connected',
      paste: 'for the policy file, and for Headscale',
      upgrade: 'goes back by itself if it does not work',
      check: 'what is wrong, why, and what mends it',
      remove: 'shows first what goes and what stays',
      quit: 'the relay goes on',
    },
  },
};
