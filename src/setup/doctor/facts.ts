/** What the doctor looks at, as plain data: gathered by `gather/`, judged by `checks/`. */
import type { Opening } from '../../deploy/steps.ts';
import type { Check, ProbeOptions } from '../../probe/check.ts';
import type { ContainerState } from '../../system/containers.ts';
import type { PortOwner } from '../../system/port-owner.ts';
import type { PortProtocol } from '../../system/ports.ts';
import type { ProcessSchedule } from '../../system/process-schedule.ts';
import type { UnitState } from '../../system/services.ts';
import type { ListFileLook } from '../access/address-check.ts';
import type { Problem } from '../answers/problems.ts';
import type { RenewalFailure } from '../certificate/renewal-failure.ts';
import type { RelayCounters } from '../status/counters.ts';
import type { Installed, Whereabouts } from '../status/installed.ts';

/** The units, by systemd; undefined for what it could not be asked. */
export interface UnitFacts {
  relay: UnitState;
  timer: UnitState;
  renewal: UnitState;
  timerNext: Date | undefined;
  /** The last lines of the relay and of the renewal, the oldest first; empty where this user may not read them. */
  relayJournal: string[];
  renewalJournal: string[];
}

/** The container, by Docker. */
export interface ContainerFacts {
  /** `denied`: this user may not ask it. */
  engine: 'answers' | 'silent' | 'denied';
  /** Undefined: there is none of its name. */
  state: ContainerState | undefined;
  /** The last lines of the relay's log, the oldest first. */
  log: string[];
  /** What the name of its image stands for today. */
  namedImage: string | undefined;
}

/** A file or directory whose mode and owner matter. */
export interface FileFact {
  path: string;
  /** Holds a key: nobody but its owner may read it. */
  secret: boolean;
  wantedMode: number;
  /** `user:group`. */
  wantedOwner: string;
  found: { mode: number; owner: string };
}

/** The Node that the service's file names. */
export type RuntimeFact =
  | { state: 'works'; path: string; version: string; supported: boolean }
  | { state: 'missing'; path: string }
  | { state: 'broken'; path: string; detail: string };

/** One address that clients would dial, and who answers there. */
export interface RouteFact {
  address: string;
  /** One of this machine's own. */
  local: boolean;
  /** `here`: this relay. `elsewhere`: somebody else. `unreachable`: nobody, as seen from this machine. */
  leads: 'here' | 'elsewhere' | 'unreachable';
}

/** How the host's name is resolved, and where that leads. */
export interface HostFacts {
  /** Why there are no addresses. */
  failure: 'not-found' | 'no-answer' | undefined;
  routes: RouteFact[];
  /** Families of which this machine has an address that everybody can reach. */
  global: { ipv4: string[]; ipv6: string[] };
}

/** Who has one of the relay's ports. */
export interface PortFact {
  purpose: 'derp' | 'http' | 'stun';
  protocol: PortProtocol;
  port: number;
  /** Undefined: nobody, or this system does not tell. */
  owner: PortOwner | undefined;
}

/** The certificate in the relay's files, and the one that it serves. */
export interface CertificateFacts {
  certFile: string;
  keyFile: string;
  /** This user may not read the files. */
  denied: boolean;
  problems: Problem[];
  pair:
    | {
        notBefore: Date;
        notAfter: Date;
        fingerprint: string;
        selfSigned: boolean;
        pin: string;
        issuer: string;
        chainLength: number;
        /** It leads to an authority that everybody knows … */
        publiclyTrusted: boolean;
        /** … or at least this machine. */
        trustedHere: boolean;
      }
    | undefined;
  served: { notAfter: Date; fingerprint: string; pin: string } | undefined;
}

/** The machine's own firewall. */
export interface FirewallFacts {
  tool: string;
  /** Its rules come back after a start of the machine. */
  lasting: boolean;
  closed: readonly Opening[];
  /** The commands that open what is closed. */
  commands: string[];
}

/** Another relay program that would like the same ports. */
export interface DerperFact {
  name: string;
  running: boolean;
  /** Starts when the machine does. */
  enabled: boolean;
}

/** Those who are asked who may use the relay, and how they answer. `detail` is in English, as the relay's log is. */
export interface AdmissionFacts {
  tailscaled?: {
    state: 'running' | 'needs-login' | 'stopped' | 'silent' | 'absent';
    version: string | undefined;
    /** Why the relay's own question got no answer. */
    detail: string | undefined;
  };
  /** What the URL says of a key that nobody has. */
  url?: { url: string; answer: 'refuses' | 'admits' } | { url: string; detail: string };
  /** `reachable`: by the relay's own user. `leftOut`: nodes of this machine's tailnet that it does not name. */
  keyFile?:
    | { path: string; keys: number; reachable: boolean; leftOut: TailnetNode[] }
    | { path: string; detail: string };
}

/** A file with a list of addresses that the relay was told of, and how many ranges it holds. */
export type AddressListFact = { path: string; list: 'allow' | 'deny' } & ListFileLook;

/** A relay as clients are told of it; what is missing is the client's default. Source: tailscale `tailcfg.DERPNode`. */
export interface TailnetRelay {
  regionId: number;
  name: string;
  hostName: string;
  certName: string;
  ipv4: string;
  ipv6: string;
  derpPort: number;
  stunPort: number;
  /** Answers STUN and relays nothing. */
  stunOnly: boolean;
  /** Clients do not look at its certificate at all. */
  insecure: boolean;
}

/** A node of the tailnet. */
export interface TailnetNode {
  /** Its name without the tailnet's. */
  name: string;
  /** `nodekey:<64 hex digits>`. */
  key: string;
  /** The key as logs show it. */
  shortKey: string;
}

/** What this machine's tailscaled was told of its tailnet. */
export interface TailnetFacts {
  /** The relays that clients are told of; undefined when it has no map. */
  relays: TailnetRelay[] | undefined;
  /** This machine's own and those that it can see. */
  nodes: TailnetNode[];
  /** When the key of this machine's own node ends; undefined for never. */
  keyExpiry: Date | undefined;
}

/** Room on the file system that holds a path. */
export interface DiskFact {
  path: string;
  freeBytes: number;
  /** Files that can still be made; undefined where the file system does not count. */
  freeFiles: number | undefined;
}

/** The nginx that shares its port with the relay, as it is configured now. */
export type NginxFacts =
  | { state: 'absent' }
  | { state: 'broken'; version: string; said: readonly string[] }
  | {
      state: 'runs' | 'stopped';
      version: string;
      /** A stream server of its own passes what is for the relay on to it. */
      passesOn: boolean;
      /** Where sites listen on the shared port themselves. */
      sitesOnPort: readonly { file: string; line: number }[];
    };

/** What clients find. */
export interface ProbeFacts {
  checks: Check[];
  about: ProbeOptions;
  /** The way that clients take could be tried; otherwise only the relay itself was, from within. */
  byHost: boolean;
  /** It came with keys that the relay knows as this machine's own. */
  known: boolean;
  /** What became of a key that nobody has, where not everybody is let in. */
  stranger: 'admitted' | 'refused' | undefined;
}

/** Everything that was found out. What is undefined could not be looked at, or does not apply. */
export interface DoctorFacts {
  now: Date;
  isRoot: boolean;
  installed: Installed;
  where: Whereabouts | undefined;
  units: UnitFacts | undefined;
  /** Undefined where no container runs the relay. */
  container: ContainerFacts | undefined;
  /** A table of cron renews the certificate; undefined where a timer does. */
  renewedByCron: boolean | undefined;
  renewalFailure: RenewalFailure | undefined;
  relay: RelayCounters | undefined;
  /** The public key in the relay's key file, 64 hex digits, or what is wrong with the file. */
  key: { publicKey?: string; missing?: true; problem?: Problem };
  files: FileFact[];
  /** Files that were changed by hand since they were written. */
  edited: string[];
  runtime: RuntimeFact | undefined;
  host: HostFacts | undefined;
  ports: PortFact[];
  certificate: CertificateFacts | undefined;
  /** `none`: there is no firewall. */
  firewall: FirewallFacts | 'none' | undefined;
  derpers: DerperFact[];
  admission: AdmissionFacts;
  addressLists: AddressListFact[];
  /** The rules of `derp-setup nftables`, where they are loaded. */
  nftRules: 'current' | 'stale' | 'without-lists' | undefined;
  tailnet: TailnetFacts | undefined;
  clockSynchronized: boolean | undefined;
  disks: DiskFact[];
  /** How many files and sockets the relay may have open. */
  openFilesLimit: number | undefined;
  /** How the relay's process gets on with its processor. */
  schedule: ProcessSchedule | undefined;
  probe: ProbeFacts | undefined;
  /** Only where nginx stands before the relay. */
  nginx?: NginxFacts | undefined;
}
