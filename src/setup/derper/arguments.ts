/** The flags of a running derper, read exactly as Go's flag package reads them: what derper ignored is ignored here. */

/** Derper's switches, by which a value stands behind `=` only. */
const SWITCHES = new Set([
  'dev',
  'version',
  'stun',
  'derp',
  'acme-ip-certs',
  'verify-clients',
  'verify-client-url-fail-open',
  'ace',
  'h',
  'help',
]);

/** Derper's other flags; source: tailscale `cmd/derper/derper.go`. */
const VALUES = new Set([
  'a',
  'http-port',
  'stun-port',
  'c',
  'certmode',
  'certdir',
  'hostname',
  'acme-eab-kid',
  'acme-eab-key',
  'acme-email',
  'home',
  'mesh-psk-file',
  'mesh-with',
  'secrets-url',
  'secrets-path-prefix',
  'secrets-cache-dir',
  'bootstrap-dns-names',
  'unpublished-bootstrap-dns-names',
  'verify-client-url',
  'socket',
  'accept-connection-limit',
  'accept-connection-burst',
  'rate-config',
  'tcp-keepalive-time',
  'tcp-user-timeout',
  'tcp-write-timeout',
]);

/** A flag that derper has got since, or that a changed derper has: without `=`, what follows it may be its value. */
function takesNext(name: string, next: string | undefined): boolean {
  if (next === undefined || SWITCHES.has(name)) return false;
  return VALUES.has(name) || !/^-\D/.test(next);
}

/**
 * The flags in a command line (program first) by name, the last of each. Go stops at the first word that is no flag,
 * so in `-verify-clients true -a :8443` the port is not heard.
 */
export function readDerperFlags(commandLine: readonly string[]): Map<string, string> {
  const flags = new Map<string, string>();
  const words = commandLine.slice(1);
  for (let at = 0; at < words.length; at++) {
    const match = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(words[at]!);
    if (!match) break;
    const [, name, value] = match;
    if (value !== undefined) flags.set(name!, value);
    else if (takesNext(name!, words[at + 1])) flags.set(name!, words[++at]!);
    else flags.set(name!, 'true');
  }
  return flags;
}
