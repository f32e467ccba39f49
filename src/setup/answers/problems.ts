/** What can be wrong with what the user gave: codes and facts only; the sentences are in the message catalogues. */
import type { OrderObstacle } from '../../cert/acme/obstacle.ts';
import type { EndTlsObstacle } from '../../deploy/nginx/https-port.ts';
import type { NginxObstacle } from '../../deploy/nginx/obstacle.ts';
import type { RangeFlaw } from '../../protocol/address-set.ts';
import type { FileProblem } from '../../system/files.ts';
import type { PortOwner } from '../../system/port-owner.ts';
import type { PortProtocol } from '../../system/ports.ts';
import type { StopRefusal } from '../derper/stop.ts';
import type { FrontObstacle } from '../nginx/http-front.ts';

/** The rule that a value breaks, with the facts needed to say so and to name the way out. */
export type Rule =
  | { code: 'unknown-flag'; suggestion?: string }
  | { code: 'unknown-argument' }
  | { code: 'unknown-command'; suggestion?: string }
  | { code: 'unknown-setting'; suggestion?: string }
  | { code: 'missing-value' }
  | { code: 'missing-host' }
  | { code: 'not-text' }
  | { code: 'not-a-host'; hint: 'plain' | 'url' | 'port' }
  | { code: 'unusable-host' }
  | { code: 'not-a-port'; offAllowed: boolean }
  | { code: 'same-port'; other: string }
  | { code: 'port-in-use'; protocol: PortProtocol; owner?: PortOwner }
  /** nginx has port 80, and cannot hand on what comes there. */
  | { code: 'nginx-in-the-way'; obstacle: FrontObstacle }
  /** nginx cannot end TLS for the host. */
  | { code: 'nginx-cannot-end-tls'; obstacle: EndTlsObstacle }
  /** No nginx has port 80, so that nobody would connect to the relay's port behind it. */
  | { code: 'nothing-in-front' }
  | { code: 'port-denied'; protocol: PortProtocol }
  | { code: 'no-free-port'; protocol: PortProtocol }
  | { code: 'not-one-of'; choices: readonly string[] }
  | { code: 'needs'; flags: readonly string[] }
  | { code: 'only-with'; choice: string }
  | { code: 'not-with'; flag: string }
  | { code: 'not-a-number' }
  | { code: 'not-a-count'; first: number; last: number }
  | { code: 'out-of-range'; first: number; last: number }
  | { code: 'bad-code' }
  | { code: 'bad-name' }
  | { code: 'bad-node-name' }
  | { code: 'not-an-address'; family: 4 | 6 }
  | { code: 'contradicts-host'; host: string }
  | { code: 'not-a-home' }
  | { code: 'not-an-admission-url' }
  | { code: 'must-choose'; choices: readonly string[] }
  | { code: 'needs-root' }
  | { code: 'needs-systemd' }
  | { code: 'needs-tailscaled' }
  | { code: 'needs-docker' }
  | { code: 'docker-denied'; user: string }
  | { code: 'docker-stopped' }
  | { code: 'docker-confined' }
  | { code: 'needs-compose' }
  | { code: 'container-name-taken'; image: string; project?: string }
  | { code: 'directory-not-mountable'; directory: string }
  | { code: 'no-system-id' }
  | { code: 'not-an-image' }
  | { code: 'user-can-log-in'; uid: number }
  | { code: 'user-of-another-group' }
  | { code: 'group-without-user' }
  | { code: 'no-room'; needed: number; free: number }
  | { code: 'edited-by-hand'; kind: 'unit' | 'compose' | 'other' }
  | { code: 'bad-manifest' }
  | { code: 'bad-prover-keys' }
  | { code: 'bad-key-list'; detail: string }
  | { code: 'unreachable-by-relay' }
  | { code: 'bad-range'; flaw: RangeFlaw }
  /** A line of a file, counted from 1, and what stands there. */
  | { code: 'bad-address-line'; line: number; text: string; flaw: RangeFlaw }
  | { code: 'empty-address-list' }
  | { code: 'not-a-rate' }
  /** Neither installed nor named. */
  | { code: 'needs-address-list' }
  | { code: 'older-version'; installed: string; version: string }
  | { code: 'needs-yes' }
  | { code: 'derper-in-the-way'; name: string }
  | { code: 'firewall-refuses'; tool: string; ports: readonly string[] }
  | { code: 'derper-not-stoppable'; refusal: StopRefusal['code'] }
  | { code: 'only-for-target'; target: string }
  | { code: 'not-a-pin' }
  | { code: 'file'; action: 'read' | 'write'; problem: FileProblem; detail: string }
  /** A new certificate that the relay did not take up; `detail` is the port. */
  | { code: 'not-served'; detail: string }
  | { code: 'not-a-directory' }
  | { code: 'not-json' }
  | { code: 'not-an-object' }
  | { code: 'newer-config' }
  | { code: 'not-a-certificate' }
  | { code: 'not-a-private-key' }
  | { code: 'encrypted-key' }
  | { code: 'key-mismatch'; certFile: string }
  | { code: 'host-not-covered'; host: string; names: string }
  | { code: 'expired'; at: string }
  | { code: 'not-yet-valid'; at: string }
  | { code: 'chain-order'; position: number }
  | { code: 'bad-relay-key' }
  | { code: 'no-chain-in-directory'; tried: readonly string[] }
  | { code: 'not-an-email' }
  | { code: 'not-a-directory-url' }
  | { code: 'not-a-key-id' }
  | { code: 'not-a-mac-key' }
  | OrderObstacle
  | NginxObstacle;

export type RuleCode = Rule['code'];

/** One thing that must be mended before anything is done. */
export interface Problem {
  /** Where the value was given, as the user knows it: a flag, an environment variable, a key of a file, a file. */
  subject: string;
  /** The flag that sets it, however it was given this time. */
  flag?: string;
  value?: string;
  rule: Rule;
}

/** A value as the program uses it, or the rule that the text breaks. */
export type Parsed<T> =
  | { ok: true; value: T }
  /** `parts`: of a list, each entry that is wrong; `rule` is then the first one's. */
  | { ok: false; rule: Rule; parts?: readonly PartRefusal[] };

/** An entry of a list, and the rule that it breaks. */
export interface PartRefusal {
  value: string;
  rule: Rule;
}

/** A value that keeps every rule. */
export function accept<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

/** A text that breaks a rule. */
export function refuse<T>(rule: Rule): Parsed<T> {
  return { ok: false, rule };
}
