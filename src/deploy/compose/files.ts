/** The two files of the project of Docker Compose, rendered from their templates. */
import { COMPOSE_PROJECT } from '../layout.ts';
import { FIRST_UNPRIVILEGED_PORT, type Templates } from '../systemd-units.ts';
import { fillTemplate } from '../template.ts';
import type { Mount } from './mounts.ts';

/** What the files say. All paths are those of the running machine. */
export interface ComposeFilesInput {
  version: string;
  image: string;
  /** The relay's user and group on the machine. */
  user: { uid: number; gid: number };
  /** The bundled relay, and what it is told. */
  relayProgram: string;
  relayConfig: string;
  mounts: readonly Mount[];
  /** Where the relay answers. */
  derpPort: number;
  /** Every TCP and UDP port that is listened on. */
  ports: readonly number[];
}

/** A scalar that YAML cannot misread, and Compose puts nothing in the place of: JSON's strings are YAML's. */
function scalar(text: string): string {
  return JSON.stringify(text.replaceAll('$', '$$$$'));
}

const lines = (indent: number, texts: readonly string[]) => texts.map((text) => ' '.repeat(indent) + text).join('\n');

const list = (name: string, items: readonly string[]) => [`${name}:`, ...items.map((item) => `  - ${item}`)];

/** What `node -e` runs to see whether the relay serves, by its counters on the loopback address. */
function healthCheck(port: number): string {
  const where = `{host:'127.0.0.1',port:${port},path:'/debug/vars',rejectUnauthorized:false,timeout:5000}`;
  const asks = `require('node:https').get(${where},(answer)=>process.exit(answer.statusCode===200?0:1))`;
  return `${asks}.on('error',()=>process.exit(1)).on('timeout',()=>process.exit(1))`;
}

/**
 * On the machine's network only root may open ports below 1024, or who has the capability, and Docker gives that to no
 * other user. So the container begins as root, without all but what it takes to become the relay's user and to keep it.
 */
function identityWithLowPorts(command: readonly string[]): string[] {
  const keep = '-all,+net_bind_service';
  const words = [
    ...['setpriv', '--reuid', `"\${RELAY_UID}"`, '--regid', `"\${RELAY_GID}"`, '--clear-groups', '--no-new-privs'],
    ...['--inh-caps', '--ambient-caps', '--bounding-set'].map((flag) => `${flag}=${keep}`),
  ];
  return [
    '# Ports below 1024: it begins as root, and setpriv leaves it the one capability for them and the user derp-relay.',
    'user: "0:0"',
    ...list('cap_drop', ['ALL']),
    ...list('cap_add', ['NET_BIND_SERVICE', 'SETGID', 'SETPCAP', 'SETUID']),
    ...list('security_opt', ['no-new-privileges:true']),
    ...list('entrypoint', [...words, ...command]),
  ];
}

function identity(command: readonly string[]): string[] {
  return [
    '# All ports are above 1023: it needs no capability, and is never root.',
    `user: "\${RELAY_UID}:\${RELAY_GID}"`,
    ...list('cap_drop', ['ALL']),
    ...list('security_opt', ['no-new-privileges:true']),
    ...list('entrypoint', command),
  ];
}

/** compose.yaml. */
export function composeFile(templates: Templates, input: ComposeFilesInput): string {
  const command = ['node', scalar(input.relayProgram), '--config', scalar(input.relayConfig)];
  const low = input.ports.some((port) => port > 0 && port < FIRST_UNPRIVILEGED_PORT);
  // The short form has Docker make what is not there, as tailscaled's directory after a start of the machine, instead of
  // leaving the container where it is.
  const mount = ({ path, writable }: Mount) => `- ${scalar(`${path}:${path}:${writable ? 'rw' : 'ro'}`)}`;
  return fillTemplate(templates['compose.yaml'], {
    version: input.version,
    identity: lines(4, low ? identityWithLowPorts(command) : identity(command)),
    volumes: lines(6, input.mounts.map(mount)),
    healthCheck: scalar(healthCheck(input.derpPort)),
  });
}

/** The drop-in by which tailscaled keeps the directory of its socket. */
export function tailscaledDropIn(templates: Templates, version: string): string {
  return fillTemplate(templates['tailscaled-keep.conf'], { version });
}

/** The file `.env` beside it. */
export function composeEnvironment(templates: Templates, { version, image, user }: ComposeFilesInput): string {
  return fillTemplate(templates['compose.env'], {
    version,
    project: COMPOSE_PROJECT,
    image,
    uid: String(user.uid),
    gid: String(user.gid),
  });
}
