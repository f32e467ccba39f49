/** The files that systemd reads, and the command that people type, rendered from the templates. */
import { fillTemplate } from './template.ts';

/** The texts of the templates, by file name. */
export interface Templates {
  'derp-relay.service': string;
  'derp-setup-renew.service': string;
  'derp-setup-renew.timer': string;
  'derp-setup.sh': string;
  'compose.yaml': string;
  'compose.env': string;
  'nginx-http.conf': string;
  'nginx-https.conf': string;
  'tailscaled-keep.conf': string;
}

/** What the files say. All paths are those of the running machine. */
export interface UnitInput {
  version: string;
  /** The Node that the service runs. */
  node: string;
  /** The bundled relay. */
  relayProgram: string;
  /** The bundled derp-setup. */
  setupProgram: string;
  relayConfig: string;
  user: string;
  /** Every TCP and UDP port that is listened on. */
  ports: readonly number[];
  /** Clients are admitted by this machine's tailscaled. */
  asksTailscaled: boolean;
}

/** Ports below this one need a capability. */
export const FIRST_UNPRIVILEGED_PORT = 1024;

const BIND_LOW_PORTS = [
  '# Ports below 1024, and nothing else.',
  'AmbientCapabilities=CAP_NET_BIND_SERVICE',
  'CapabilityBoundingSet=CAP_NET_BIND_SERVICE',
];
const NO_CAPABILITIES = [
  '# All ports are above 1023: no capability is needed.',
  'CapabilityBoundingSet=',
  'PrivateUsers=yes',
];

/** A word of an ExecStart line: systemd reads quotes, backslashes, percent and dollar signs. */
function unitWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@/.:=,+%$-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** A word of a line of sh. */
function shellWord(word: string): string {
  return /^[\w@/.:=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The relay's own unit. */
export function relayUnit(templates: Templates, input: UnitInput): string {
  const low = input.ports.some((port) => port > 0 && port < FIRST_UNPRIVILEGED_PORT);
  return fillTemplate(templates['derp-relay.service'], {
    version: input.version,
    after: input.asksTailscaled ? ' tailscaled.service' : '',
    node: unitWord(input.node),
    program: unitWord(input.relayProgram),
    config: unitWord(input.relayConfig),
    user: input.user,
    capabilities: (low ? BIND_LOW_PORTS : NO_CAPABILITIES).join('\n'),
  });
}

/** The unit that renews the certificate, when its timer says so. */
export function renewUnit(templates: Templates, { version, node, setupProgram }: UnitInput): string {
  const holes = { version, node: unitWord(node), program: unitWord(setupProgram) };
  return fillTemplate(templates['derp-setup-renew.service'], holes);
}

/** The timer of that unit. */
export function renewTimer(templates: Templates, { version }: UnitInput): string {
  return fillTemplate(templates['derp-setup-renew.timer'], { version });
}

/** The command `derp-setup`, with the Node that it was installed with. */
export function launcher(templates: Templates, { version, node, setupProgram }: UnitInput): string {
  const holes = { version, node: shellWord(node), program: shellWord(setupProgram) };
  return fillTemplate(templates['derp-setup.sh'], holes);
}
