import type { Check, ProbeOptions } from '../../../probe/check.ts';
import type { CheckExplanation, CheckTitles, NoteMessages } from '../wording.ts';
import { owner } from './problems.ts';

const scopes = {
  unspecified: 'no address',
  loopback: 'this machine only',
  'link-local': 'one cable only',
  private: 'your own network only',
  shared: "a provider's or a tailnet's network only",
  global: 'everybody',
};

export const notes: NoteMessages = {
  'port-moved': ({ flag, protocol, from, to, owner: who }) =>
    `port ${from}/${protocol} is in use by ${owner(who)}; taking ${to} instead (choose with ${flag})`,
  'open-relay': () => 'an open relay (--verify none): strangers who find it can use it, for as long as it runs.',
  'answers-kept': ({ path, flags }) => `kept from the last run: ${flags.join(', ')} (${path})`,
  'local-host': ({ host, scope }) => `${host} can be reached from ${scopes[scope]}; --host names another address`,
  'tailscale-region': ({ regionId }) =>
    `region ${regionId} is, or may become, one of Tailscale's own, which yours would replace; 900 to 999 are free`,
  'outside-custom-range': ({ regionId }) =>
    `region ${regionId} is outside 900 to 999, which are kept free for your own regions`,
  'certificate-ends-soon': ({ file, at, daysLeft }) =>
    `the certificate ends on ${at}, in ${daysLeft} days; its successor has a new pin, which must go into every derpMap. ` +
    `To change over at a time of your choice, remove ${file} and its .key`,
  'pin-changed': ({ file, at }) =>
    `the certificate ended on ${at}; a new one is made, and with it the pin changes: paste the new derpMap (${file})`,
  'private-authority': ({ file }) =>
    `no public authority stands behind ${file}: clients must have been told to trust its issuer`,
};

export const checks: CheckTitles = {
  resolve: 'address',
  tcp: 'TCP',
  tls: 'TLS',
  certificate: 'certificate',
  login: 'DERP login',
  relay: 'two clients',
  websocket: 'WebSocket',
  stun: 'STUN',
  'captive-portal': 'plain HTTP',
};

/** The probe's own words are English already; a translation needs to know what was probed as well. */
export function explainCheck({ detail, remedy }: Check, _about: ProbeOptions): CheckExplanation {
  return { detail, ...(remedy !== undefined && { remedy }) };
}

export const report = {
  problemsTitle: (count: number) => (count === 1 ? '1 problem' : `${count} problems`),
  nothingChanged: 'Nothing was changed.',
  wrote: (count: number, root: string) => `${count === 1 ? '1 file' : `${count} files`} written below ${root}`,
  filesUnchanged: (root: string) => `the files below ${root} are as described already`,
  started: (ports: string) => `the relay listens on ${ports}`,
  proving: (host: string) => `Checking ${host} as a client would:`,
  works: 'The relay works.',
  worksWith: (arrived: number, sent: number, median: string) =>
    `The relay works: ${arrived} of ${sent} packets arrived, ${median} on the way.`,
  doubtful: (failed: number) =>
    `The relay runs, but ${failed === 1 ? '1 check' : `${failed} checks`} failed: clients may not reach it. See above for what to mend.`,
  paste: 'Paste into the policy file of your tailnet (Access controls), at the top level:',
  pinVersion: 'The pin (CertName) needs Tailscale 1.84 or later on the clients.',
  headscale: (file: string) => `Headscale: ${file}, named in derp.paths`,
  firewall: (ports: string) => `Let ${ports} in, at the firewall and in your provider's security group.`,
  tryIt: (command: string) => `Then try from another machine:  ${command}`,
  certificateUntil: (at: string, file: string) => `Certificate to ${at}: ${file}`,
  serving: 'Serving until Ctrl-C.',
  stopping: 'Stopping: clients are told to come back later.',
  interrupted: 'Interrupted.',
  undone: 'Everything was put back as it was.',
  left: (paths: readonly string[]) => `Could not be put back: ${paths.join(', ')}`,
  failedToStart: (reason: string) => `the relay could not start: ${reason}`,
  probePassed: 'All good.',
  probeFailed: (failed: number) => (failed === 1 ? '1 check failed.' : `${failed} checks failed.`),
  unexpected: (detail: string) => `unexpected error: ${detail}`,
};
