/** What a relay is told to do: the one shape that flags, config files and tests all end in. */

/** An address to listen on. `host: null` is every address, IPv4 and IPv6. */
export interface ListenAddress {
  host: string | null;
  port: number;
}

/** Where the TLS key pair is. */
export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

/** `default`: a page that says DERP; `blank`: nothing; otherwise a URL to redirect to. */
export type HomePage = 'default' | 'blank' | { redirect: string };

/** Where tailscaled's socket is on Linux. Source: tailscale `paths`. */
export const defaultTailscaledSocket = '/var/run/tailscale/tailscaled.sock';

/**
 * Who may use the relay. Whoever is in the key file is admitted, whatever the others say; anybody else has to be
 * admitted by tailscaled and by the URL, or by the one of them that there is (derper's meaning of its two flags). At
 * least one of the three is there.
 */
export interface AdmissionRules {
  /**
   * Admit the nodes of the tailnet that this machine's tailscaled is in, by its unix socket. It knows only the nodes
   * that the tailnet's access rules let this machine see.
   */
  tailscaled?: { socket: string };
  /**
   * Ask a URL as derper does (Headscale: `/verify`). `failOpen` admits everybody while it cannot be reached, and only
   * then: an answer that cannot be used keeps clients out.
   */
  url?: { url: string; failOpen: boolean };
  /** A file with one `nodekey:<64 hex digits>` a line. */
  keyFile?: string;
  /** Keys of this machine's own (`nodekey:…`), with which it proves its relay: let in whatever the others say. */
  proverKeys?: string[];
}

/** Addresses and CIDR ranges, some of them in files: one a line, comments behind #. Files are read again on change. */
export interface AddressSource {
  ranges: string[];
  files: string[];
}

export interface RelayConfig {
  /** DERP over HTTPS, or over plain HTTP when `certificate` is null. */
  listen: ListenAddress;
  /** The TLS key pair; null serves plain HTTP (behind something that ends TLS). */
  certificate: CertificateFiles | null;
  /**
   * Where derp-setup puts what certificate authorities ask for: `webroot/.well-known/acme-challenge/<token>` is served
   * on the plain HTTP port, and `alpn/<name>.pem` (a certificate with its key) answers tls-alpn-01. Null for neither.
   */
  challengeDirectory: string | null;
  /** The name or address clients dial, for pages and logs. */
  hostname: string;
  /** The plain HTTP port for captive-portal checks and redirects; -1 for none. */
  httpPort: number;
  /** The address of that port, null for all; the same as `listen` has when absent. */
  httpHost?: string | null;
  /** The UDP port for STUN; -1 for none. */
  stunPort: number;
  /** The address of that port, null for all; the same as `listen` has when absent. */
  stunHost?: string | null;
  /** derper's JSON key file; made when it does not exist. */
  keyFile: string;
  /** Serve DERP at all; false leaves STUN and the HTTP pages. */
  derp: boolean;
  home: HomePage;
  /** Names whose addresses `/bootstrap-dns` gives. */
  bootstrapDnsNames: string[];
  /** A client that takes no bytes for this long is disconnected, milliseconds; 0 never. */
  writeTimeoutMs: number;
  /** TCP keep-alive, milliseconds of silence before the first probe. */
  tcpKeepAliveMs: number;
  /** New connections a second that are served; null for no limit. Those over it are accepted and closed at once. */
  acceptLimit: { perSecond: number; burst: number } | null;
  /**
   * How many connections may be open; null for no limit. Those over it are accepted and closed at once. Whatever it
   * says, some open files are kept free (`defaults.spareFiles`).
   */
  connectionLimits: {
    total: number | null;
    /** From one IPv4 address or one IPv6 /64; this machine itself has no limit of its own. */
    perAddress: number | null;
    /** From one address, and not logged in yet. */
    waitingPerAddress: number | null;
  };
  /** How fast one client may send, in bytes of frames; null for no limit. The file's rate counts more. */
  clientRate: { bytesPerSecond: number; burstBytes: number } | null;
  /** Derper's JSON file with that rate (`-rate-config`), read again on SIGHUP; null for none. */
  clientRateFile: string | null;
  /** Read a PROXY protocol header on connections from these addresses or CIDR ranges. */
  proxyProtocolFrom: string[];
  /**
   * HTTP proxies that end TLS before the relay: requests from these addresses or CIDR ranges must say for whom they are,
   * by `X-Forwarded-For` or `X-Real-IP`.
   */
  forwardedFrom: string[];
  /**
   * Whose packets are answered at all, on the DERP port and by STUN: addresses that `allowCidr` holds (null: all) and
   * `denyCidr` does not. All others are disconnected before TLS. The machine itself is never kept out. The plain HTTP
   * port is for everybody, as certificate authorities come from anywhere.
   */
  allowCidr: AddressSource | null;
  denyCidr: AddressSource | null;
  /** Who may use the relay; null for everybody. */
  admission: AdmissionRules | null;
  /** How long to wait for clients to leave after SIGTERM, milliseconds. */
  drainMs: number;
  /** Log level. */
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** Everything but the few things that every relay must be told. */
export const defaultRelayConfig: Omit<RelayConfig, 'hostname' | 'keyFile' | 'certificate'> = {
  listen: { host: null, port: 443 },
  challengeDirectory: null,
  httpPort: 80,
  stunPort: 3478,
  derp: true,
  home: 'default',
  bootstrapDnsNames: [],
  writeTimeoutMs: 2000,
  // Long, to spare batteries: DERP has keep-alives of its own every minute.
  tcpKeepAliveMs: 600_000,
  acceptLimit: null,
  // An office behind one address logs in within a second when a relay restarts; a scanner waits for ever.
  connectionLimits: { total: null, perAddress: null, waitingPerAddress: 512 },
  clientRate: null,
  clientRateFile: null,
  proxyProtocolFrom: [],
  forwardedFrom: [],
  allowCidr: null,
  denyCidr: null,
  admission: null,
  drainMs: 5000,
  logLevel: 'info',
};

/** Where a port beside the DERP port is listened on, by what is said of it. */
export function hostOf({ listen }: Pick<RelayConfig, 'listen'>, own: string | null | undefined): string | null {
  return own === undefined ? listen.host : own;
}
