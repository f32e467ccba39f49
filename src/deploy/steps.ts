/** What a plan is made of: steps that are data, so that they can be shown, compared and tested before any is taken. */
import { COMPOSE_PROJECT, RELAY_CONTAINER } from './layout.ts';
import type { EditedFile, NginxRecord } from './nginx/record.ts';
import type { SiteCheck } from './nginx/sites.ts';

/** Makes a directory, and those above it, unless it is there. */
export interface DirectoryStep {
  kind: 'directory';
  path: string;
  mode: number;
  /** The user whose it is, and whose group; the one who runs this when absent. */
  owner?: Owner;
}

/** Whose a file is. A group of its own name belongs to every user that we make. */
export interface Owner {
  user: string;
  group: string;
}

/** What a written file is for, to be named in reports. */
export type FilePurpose =
  | 'relay-key'
  | 'prover-keys'
  | 'certificate'
  | 'certificate-key'
  | 'derp-map'
  | 'headscale-map'
  | 'config'
  | 'relay-config'
  | 'launcher'
  | 'nginx-config'
  | 'nginx-share'
  | 'nginx-backup'
  | 'unit'
  | 'compose'
  | 'manifest';

/** Writes a whole file; nothing is done where the same content is there with the same mode and owner. */
export interface FileStep {
  kind: 'file';
  purpose: FilePurpose;
  path: string;
  mode: number;
  owner?: Owner;
  content: string;
  /** The content must never be shown. */
  secret: boolean;
}

/** Points a symbolic link at `target`, in one move. */
export interface LinkStep {
  kind: 'link';
  path: string;
  target: string;
}

/** Makes a system user without a home and without a way to log in, unless it is there. */
export interface UserStep {
  kind: 'user';
  name: string;
  home: string;
  /** The number of the user and of its group, where others must know it beforehand; else the next free one. */
  id?: number;
}

/** Copies the programs of this package to where a service may run them from; all of them or none. */
export interface ProgramsStep {
  kind: 'programs';
  /** The package's own directory. */
  from: string;
  /** Its parts that are copied: files and directories. */
  parts: readonly string[];
  /** The directory that they are put into. */
  path: string;
  version: string;
}

/** Copies the Node that runs this to where a service can reach it. */
export interface RuntimeStep {
  kind: 'runtime';
  from: string;
  path: string;
  version: string;
}

/** Has systemd start units at boot. */
export interface EnableStep {
  kind: 'enable';
  /** Units of `[Install]` sections; a timer is started too. */
  unit: string;
}

/** Has the relay's service run what was written: starts it, restarts it or has it reload, whichever is needed. */
export interface ServiceStep {
  kind: 'service';
  unit: string;
  /** Changes of these paths take effect with a restart … */
  restartFor: readonly string[];
  /** … and of these with a reload, which disconnects nobody. */
  reloadFor: readonly string[];
  /** The certificate that it must serve after a reload, and whose name to ask for. */
  certificate?: { file: string; host: string };
  /** Where it answers when it serves. */
  derpPort: number;
  /** In plain HTTP there: TLS ends before it. */
  plain?: boolean;
}

/** A project of Docker Compose with one container, the relay's. */
export interface ComposeProject {
  name: string;
  /** Where its files are. */
  directory: string;
  container: string;
}

/** The project whose files are in a directory. */
export function composeProject(directory: string): ComposeProject {
  return { name: COMPOSE_PROJECT, directory, container: RELAY_CONTAINER };
}

/** Has Docker pull an image, unless it is there. It is kept when the run is undone, for the next try. */
export interface ImageStep {
  kind: 'image';
  image: string;
}

/** Has the relay's container run what was written: makes it, makes it anew or has the relay reload, whichever is needed. */
export interface ComposeStep {
  kind: 'compose';
  project: ComposeProject;
  /** How Compose is called here: `docker compose`, or `docker-compose`. */
  command: readonly string[];
  /** Changes of these paths take effect with a new container … */
  restartFor: readonly string[];
  /** … and of these with a reload, which disconnects nobody. */
  reloadFor: readonly string[];
  /** The certificate that it must serve after a reload, and whose name to ask for. */
  certificate?: { file: string; host: string };
  /** Where it answers when it serves. */
  derpPort: number;
}

/** Stops the relay's container and removes it. */
export interface ComposeDownStep {
  kind: 'compose-down';
  project: ComposeProject;
}

/** A port that clients must reach. */
export interface Opening {
  protocol: 'tcp' | 'udp';
  port: number;
}

/** Lets clients in through this machine's own firewall. */
export interface FirewallStep {
  kind: 'firewall';
  tool: string;
  openings: readonly Opening[];
}

/** Stops a derper whose ports, key and certificates are taken over; undone, it runs again. */
export interface StopDerperStep {
  kind: 'stop-derper';
  /** The unit or container, as people know it. */
  name: string;
  /** What a person would type to have it serve again. */
  bringBack?: string;
}

/** Gives a file that is there the right mode and owner; nothing where it is not there. */
export interface OwnerStep {
  kind: 'owner';
  purpose: FilePurpose;
  path: string;
  mode: number;
  owner: Owner;
}

/** Has a certificate authority issue a certificate. It is kept when the run is undone: authorities count. */
export interface CertificateStep {
  kind: 'certificate';
  /** The chain's file; the key's is beside it. */
  path: string;
  keyPath: string;
  owner?: Owner;
  order: CertificateOrder;
}

/** What is ordered, and of whom. */
export interface CertificateOrder {
  host: string;
  directoryUrl: string;
  email?: string;
  /** The external account that a new account is bound to; the file holds its key. */
  externalAccount?: { keyId: string; keyFile: string };
  /** What somebody asked for; otherwise what this machine can answer. */
  challenge?: 'http-01' | 'tls-alpn-01';
  derpPort: number;
  httpPort: number;
  /**
   * Where the relay has these on the loopback address, when something stands before it; `pending`: a step before the order
   * tells it so.
   */
  behind?: { derpPort?: number; httpPort?: number; pending: boolean };
  /** Where the account is kept, and answers for the running relay. */
  acmeDirectory: string;
  /** What the plan expects, to be shown. */
  expected: { authority: string; challenge: string; profile?: string };
}

/** Has nginx test its configuration, and read it again; nothing is done where none of these files has changed. */
export interface NginxStep {
  kind: 'nginx';
  reloadFor: readonly string[];
  /** What nginx has against it does not matter: it may be broken, stopped or gone. */
  isOptional?: true;
  /** What must be answered afterwards as it was before. */
  sites?: readonly SiteCheck[];
}

/** Changes a file of somebody else's and leaves everything else in it, its mode and its owner as they are. */
export interface EditStep {
  kind: 'edit';
  path: string;
  /** What the file says when the plan is made. */
  expected: string;
  content: string;
  /** What is remembered of it. */
  record: EditedFile;
}

/** Takes our changes out of such a file. */
export interface RestoreStep {
  kind: 'restore';
  path: string;
  record: EditedFile;
  /** All that is remembered of this nginx. */
  nginx: NginxRecord;
}

/** Removes a file or link, a directory with all in it (`tree`), or a directory if nothing else is in it. */
export interface RemoveStep {
  kind: 'remove';
  what: 'file' | 'tree' | 'empty-directory';
  path: string;
}

/** Stops a unit and has systemd not start it any more. */
export interface DisableStep {
  kind: 'disable';
  unit: string;
}

/** Has systemd read its files again, after some were removed. */
export interface ReloadUnitsStep {
  kind: 'reload-units';
}

/** Takes back the rules that were added to the firewall. */
export interface CloseFirewallStep {
  kind: 'close-firewall';
  tool: string;
  openings: readonly Opening[];
}

/** Removes the system user. */
export interface RemoveUserStep {
  kind: 'remove-user';
  name: string;
}

export type Step =
  | DirectoryStep
  | FileStep
  | LinkStep
  | UserStep
  | ProgramsStep
  | RuntimeStep
  | EnableStep
  | ServiceStep
  | ImageStep
  | ComposeStep
  | ComposeDownStep
  | FirewallStep
  | StopDerperStep
  | OwnerStep
  | CertificateStep
  | NginxStep
  | EditStep
  | RestoreStep
  | RemoveStep
  | DisableStep
  | ReloadUnitsStep
  | CloseFirewallStep
  | RemoveUserStep;

export type StepKind = Step['kind'];

export const PRIVATE_FILE = 0o600;
export const PUBLIC_FILE = 0o644;
export const PROGRAM_FILE = 0o755;
export const PRIVATE_DIRECTORY = 0o700;
export const PUBLIC_DIRECTORY = 0o755;
/** For directories that a service may look into, but nobody else. */
export const SHARED_DIRECTORY = 0o750;

const owned = (owner: Owner | undefined) => (owner === undefined ? {} : { owner });

/** A step that makes a directory. */
export function directoryStep(path: string, mode = PUBLIC_DIRECTORY, owner?: Owner): DirectoryStep {
  return { kind: 'directory', path, mode, ...owned(owner) };
}

/** A step that writes a file for everybody to read. */
export function publicFileStep(purpose: FilePurpose, path: string, content: string, owner?: Owner): FileStep {
  return { kind: 'file', purpose, path, mode: PUBLIC_FILE, content, secret: false, ...owned(owner) };
}

/** A step that writes a file for the owner alone. */
export function secretFileStep(purpose: FilePurpose, path: string, content: string, owner?: Owner): FileStep {
  return { kind: 'file', purpose, path, mode: PRIVATE_FILE, content, secret: true, ...owned(owner) };
}

/** A step that orders a certificate. */
export function certificateStep(
  path: string,
  keyPath: string,
  order: CertificateOrder,
  owner?: Owner,
): CertificateStep {
  return { kind: 'certificate', path, keyPath, order, ...owned(owner) };
}
