/**
 * Everything that can be answered, in one table: the flag, and with it the environment variable and the key in files,
 * how the text becomes a value, and what is taken when nobody answers.
 */
import { resolve } from 'node:path';
import { LETS_ENCRYPT } from '../../cert/acme/directory.ts';
import type { ChallengeType } from '../../cert/acme/identifier.ts';
import { DEPLOY_TARGETS, type DeployTarget } from '../../deploy/target.ts';
import type { Verification } from '../../deploy/verification.ts';
import type { HomePage } from '../../relay/config.ts';
import { type AddressChoice, parseAddressSource } from '../access/address-source.ts';
import { type ClientRateChoice, parseClientRateChoice } from '../access/client-rate.ts';
import { parseAcmeDirectory, parseEmail, parseKeyId } from '../certificate/values.ts';
import type { Facts } from '../facts.ts';
import type { Parsed } from './problems.ts';
import {
  OFF,
  parseChoice,
  parseFamilyAddress,
  parseHome,
  parseHost,
  parseImage,
  parseNodeName,
  parsePath,
  parsePort,
  parseRegionCode,
  parseRegionId,
  parseRegionName,
  parseVerification,
} from './values.ts';

/** `stream`: the relay ends TLS; `http`: nginx does, and asks the relay in plain HTTP. */
export type FrontKind = 'stream' | 'http';

export type CertificateMode = 'letsencrypt' | 'self-signed' | 'manual';

/** The answers, all of them known. */
export interface Answers {
  host: string;
  cert: CertificateMode;
  certFile: string | undefined;
  keyFile: string | undefined;
  email: string | undefined;
  /** The directory of the authority that issues. */
  acmeDirectory: string | undefined;
  /** Undefined: whichever this machine can answer. */
  acmeChallenge: ChallengeType | undefined;
  eabKid: string | undefined;
  eabKeyFile: string | undefined;
  derpPort: number;
  httpPort: number;
  stunPort: number;
  /** Where the relay takes plain HTTP of an nginx that has port 80; undefined where it has that port itself. */
  relayHttpPort: number | undefined;
  deploy: DeployTarget;
  /** What the container is made of; undefined where there is none. */
  image: string | undefined;
  /** Behind nginx: whether it passes TLS through to the relay, or ends it. */
  front: FrontKind | undefined;
  /** Behind nginx: where the relay listens on the loopback address, and where the sites do. Undefined: free ones. */
  relayPort: number | undefined;
  sitesPort: number | undefined;
  /** Undefined until somebody chooses: nobody opens a relay to strangers by leaving something out. */
  verify: Verification | undefined;
  /** Whose packets are answered at all; undefined for everybody's. */
  allowCidr: AddressChoice | undefined;
  denyCidr: AddressChoice | undefined;
  /** How fast one client may send; undefined for no limit. */
  clientRate: ClientRateChoice | undefined;
  regionId: number;
  regionCode: string;
  regionName: string;
  nodeName: string;
  ipv4: string | undefined;
  ipv6: string | undefined;
  home: HomePage;
}

export type QuestionKey = keyof Answers;

/** One question. */
export interface Question<T> {
  flag: `--${string}`;
  /** What stands for the value in help. */
  placeholder: string;
  parse: (text: string) => Parsed<NonNullable<T>>;
  /** Several values; a file may give them as a JSON list. */
  isList?: true;
  /** The value when nobody answers; `answers` holds those of the questions before this one. */
  fallback: (answers: Partial<Answers>, facts: Facts) => T;
}

/** The ports that clients expect; without root they cannot be had, hence the high one. */
export const DEFAULT_PORTS: Record<DeployTarget, Pick<Answers, 'derpPort' | 'httpPort' | 'stunPort'>> = {
  systemd: { derpPort: 443, httpPort: 80, stunPort: 3478 },
  'nginx-bypass': { derpPort: 443, httpPort: 80, stunPort: 3478 },
  compose: { derpPort: 443, httpPort: 80, stunPort: 3478 },
  foreground: { derpPort: 8443, httpPort: OFF, stunPort: 3478 },
};

/** Node as its makers publish it, small, with what lets a container give up being root (util-linux). */
export const DEFAULT_IMAGE = 'node:24-bookworm-slim';

const absolutePath = (text: string): Parsed<string> => {
  const path = parsePath(text);
  return path.ok ? { ok: true, value: resolve(path.value) } : path;
};

/** The questions, in the order in which defaults build on one another. */
export const questions: { [K in QuestionKey]: Question<Answers[K]> } = {
  deploy: {
    flag: '--deploy',
    placeholder: 'target',
    parse: (text) => parseChoice(text, DEPLOY_TARGETS),
    fallback: (_, { machine }) => (machine.isRoot && machine.systemd !== undefined ? 'systemd' : 'foreground'),
  },
  image: {
    flag: '--image',
    placeholder: 'image',
    parse: parseImage,
    fallback: ({ deploy }) => (deploy === 'compose' ? DEFAULT_IMAGE : undefined),
  },
  host: {
    flag: '--host',
    placeholder: 'name|ip',
    parse: parseHost,
    fallback: (_, facts) => facts.suggestedHost,
  },
  certFile: { flag: '--cert-file', placeholder: 'file', parse: absolutePath, fallback: () => undefined },
  keyFile: { flag: '--key-file', placeholder: 'file', parse: absolutePath, fallback: () => undefined },
  cert: {
    flag: '--cert',
    placeholder: 'mode',
    parse: (text) => parseChoice(text, ['letsencrypt', 'self-signed', 'manual']),
    // Who names files wants them used.
    fallback: ({ certFile, keyFile }) => (certFile !== undefined || keyFile !== undefined ? 'manual' : 'self-signed'),
  },
  email: { flag: '--email', placeholder: 'address', parse: parseEmail, fallback: () => undefined },
  acmeDirectory: {
    flag: '--acme-directory',
    placeholder: 'url',
    parse: parseAcmeDirectory,
    fallback: ({ cert }) => (cert === 'letsencrypt' ? LETS_ENCRYPT : undefined),
  },
  acmeChallenge: {
    flag: '--acme-challenge',
    placeholder: 'type',
    parse: (text) => parseChoice(text, ['http-01', 'tls-alpn-01']),
    fallback: () => undefined,
  },
  eabKid: { flag: '--eab-kid', placeholder: 'id', parse: parseKeyId, fallback: () => undefined },
  eabKeyFile: { flag: '--eab-key-file', placeholder: 'file', parse: absolutePath, fallback: () => undefined },
  derpPort: {
    flag: '--derp-port',
    placeholder: 'port',
    parse: (text) => parsePort(text),
    fallback: ({ deploy }) => DEFAULT_PORTS[deploy!].derpPort,
  },
  httpPort: {
    flag: '--http-port',
    placeholder: 'port',
    parse: (text) => parsePort(text, { offAllowed: true }),
    fallback: ({ deploy }) => DEFAULT_PORTS[deploy!].httpPort,
  },
  stunPort: {
    flag: '--stun-port',
    placeholder: 'port',
    parse: (text) => parsePort(text, { offAllowed: true }),
    fallback: ({ deploy }) => DEFAULT_PORTS[deploy!].stunPort,
  },
  front: {
    flag: '--front',
    placeholder: 'how',
    parse: (text) => parseChoice<FrontKind>(text, ['stream', 'http']),
    fallback: ({ deploy }) => (deploy === 'nginx-bypass' ? 'stream' : undefined),
  },
  relayPort: {
    flag: '--relay-port',
    placeholder: 'port',
    parse: (text) => parsePort(text),
    fallback: () => undefined,
  },
  sitesPort: {
    flag: '--sites-port',
    placeholder: 'port',
    parse: (text) => parsePort(text),
    fallback: () => undefined,
  },
  relayHttpPort: {
    flag: '--relay-http-port',
    placeholder: 'port',
    parse: (text) => parsePort(text),
    fallback: () => undefined,
  },
  verify: {
    flag: '--verify',
    placeholder: 'how',
    parse: parseVerification,
    // A relay in the foreground is tried out and ended again; one that stays asks, or is told.
    fallback: ({ deploy }, { tailscaled }) => {
      if (deploy === 'foreground') return { kind: 'none' };
      return tailscaled?.state === 'running' ? { kind: 'tailscaled' } : undefined;
    },
  },
  allowCidr: {
    flag: '--allow-cidr',
    placeholder: 'list',
    parse: parseAddressSource,
    isList: true,
    fallback: () => undefined,
  },
  denyCidr: {
    flag: '--deny-cidr',
    placeholder: 'list',
    parse: parseAddressSource,
    isList: true,
    fallback: () => undefined,
  },
  clientRate: {
    flag: '--client-rate',
    placeholder: 'rate',
    parse: parseClientRateChoice,
    fallback: () => undefined,
  },
  regionId: { flag: '--region-id', placeholder: 'number', parse: parseRegionId, fallback: () => 900 },
  regionCode: { flag: '--region-code', placeholder: 'code', parse: parseRegionCode, fallback: () => 'myderp' },
  regionName: { flag: '--region-name', placeholder: 'name', parse: parseRegionName, fallback: () => 'My DERP' },
  nodeName: {
    flag: '--node-name',
    placeholder: 'name',
    parse: parseNodeName,
    fallback: ({ regionId }) => `${regionId}a`,
  },
  ipv4: {
    flag: '--ipv4',
    placeholder: 'address',
    parse: (text) => parseFamilyAddress(text, 4),
    fallback: () => undefined,
  },
  ipv6: {
    flag: '--ipv6',
    placeholder: 'address',
    parse: (text) => parseFamilyAddress(text, 6),
    fallback: () => undefined,
  },
  home: { flag: '--home', placeholder: 'page', parse: parseHome, fallback: () => 'default' },
};

/** Whether nginx ends TLS for the relay: `front` is remembered where another target has no use for it. */
export function nginxEndsTls({ deploy, front }: { deploy?: unknown; front?: unknown }): boolean {
  return deploy === 'nginx-bypass' && front === 'http';
}

/** The keys of the table, in its order. */
export const questionKeys = Object.keys(questions) as QuestionKey[];

export const ENVIRONMENT_PREFIX = 'DERP_SETUP_';

/** The environment variable that answers a question: `--derp-port` is `DERP_SETUP_DERP_PORT`. */
export function environmentName(flag: string): string {
  return ENVIRONMENT_PREFIX + flag.slice(2).replaceAll('-', '_').toUpperCase();
}
