import type { Check, ProbeOptions } from '../../../probe/check.ts';
import type { StopRefusal } from '../../../setup/derper/stop.ts';
import type { FileProblem } from '../../../system/files.ts';
import type { CheckExplanation, CheckTitles, NoteMessages } from '../wording.ts';
import { derperStays } from './derper.ts';
import { nginxNotes } from './nginx.ts';
import { nginxCannot } from './nginx-front.ts';
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
  ...nginxNotes,
  'port-moved': ({ flag, protocol, from, to, owner: who }) =>
    `port ${from}/${protocol} is in use by ${owner(who)}; taking ${to} instead (choose with ${flag})`,
  'open-relay': () => 'an open relay (--verify none): strangers who find it can use it, for as long as it runs.',
  'open-to-addresses': () =>
    'whoever comes from an allowed address can use the relay (--verify none): keep it to addresses that you know',
  'answers-kept': ({ path, flags }) => `kept from the last run: ${flags.join(', ')} (${path})`,
  'local-host': ({ host, scope }) => `${host} can be reached from ${scopes[scope]}; --host names another address`,
  'tailscale-region': ({ regionId }) =>
    `region ${regionId} is, or may become, one of Tailscale's own, which yours would replace; 900 to 999 are free`,
  'outside-custom-range': ({ regionId }) =>
    `region ${regionId} is outside 900 to 999, which are kept free for your own regions`,
  'certificate-ends-soon': ({ file, at, daysLeft }) =>
    `the certificate ends on ${at}, in ${daysLeft} days; its successor has a new pin, which must go into every derpMap: ` +
    `sudo derp-setup renew  prepares it and shows both entries (${file})`,
  'pin-changed': ({ file, at }) =>
    `the certificate ended on ${at}; a new one is made, and with it the pin changes: paste the new derpMap (${file})`,
  'successor-taken': ({ file, at }) =>
    `the certificate's last day is ${at}: the prepared one takes its place, with the pin that renew has shown; ` +
    `paste its derpMap unless that is done (${file})`,
  'private-authority': ({ file }) =>
    `no public authority stands behind ${file}: clients must have been told to trust its issuer`,
  'chain-incomplete': ({ file, issuer }) =>
    `${file} holds the certificate alone: clients need that of its issuer too (${issuer}); name the full chain`,
  'order-later': ({ host }) =>
    `no certificate is ordered here; on its own machine  sudo derp-setup renew  orders one for ${host}`,
  'renew-by-cron': ({ line }) =>
    `without systemd nothing here renews the certificate by itself; for root's crontab (sudo crontab -e): ${line}`,
  'order-for-private': ({ host, authority }) =>
    `${host} is not an address of the internet; ${authority} may issue for it all the same`,
  'port-left-out': ({ protocol, port, owner: who, flag }) =>
    `port ${port}/${protocol} is in use by ${owner(who)}; done without it (${flag} names another)`,
  'nginx-hands-on': ({ file, host }) =>
    `port 80 is nginx's; a file of its own (${file}) has it hand on what the relay needs there for ${host}`,
  'nginx-in-the-way': ({ port, obstacle }) =>
    `nginx has port ${port} and could hand it on, but it ${nginxCannot(obstacle).why}`,
  'tls-ends-in-nginx': ({ file }) =>
    `nginx ends TLS and asks the relay in plain HTTP (${file}): each login takes a round trip more, and nginx has the key; --front stream passes TLS through`,
  'host-elsewhere': ({ host, addresses }) =>
    `${host} leads to ${addresses.join(', ')}, which is not an address of this machine: right behind a provider's NAT, wrong otherwise`,
  'host-unresolved': ({ host }) =>
    `${host} cannot be resolved yet: clients cannot find the relay until DNS knows the name`,
  'firewall-closed': ({ tool, commands }) =>
    `${tool} keeps clients out; --open-firewall lets them in: ${commands.join('; ')}`,
  'firewall-refuses': ({ tool, ports }) =>
    `a rule of your own in ${tool} keeps ${ports.join(', ')} shut; clients get in only when you remove it`,
  'firewall-not-lasting': ({ tool }) =>
    `nothing here saves ${tool} rules: after the next start of this machine run derp-setup --open-firewall again, or save them yourself`,
  'derper-found': ({ name }) =>
    `a derper runs here (${name}); --take-over takes its key, certificates and ports, and stops it`,
  'derper-scheduled': ({ file, line }) => `cron would start derper again: remove line ${line} of ${file}`,
  'derper-taken-over': ({ name, lost }) =>
    lost.length === 0
      ? `derper (${name}) is stopped and its place taken; it is started again if anything fails`
      : `derper (${name}) is stopped and its place taken; not carried over: ${lost.join(', ')}`,
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
  headscaleFile: (file: string) => `${file}, to be named in derp.paths`,
  nftables: {
    loadIt: 'Load it (again when a list has changed): sudo derp-setup nftables | sudo nft -f -',
    shared: (port: number) =>
      `Port ${port}/tcp is left alone: others than clients come to what stands before the relay there.`,
    authority: (port: number) =>
      `The authority that renews the certificate comes by port ${port}/tcp and would be turned away: order by http-01 (derp-setup --acme-challenge http-01).`,
    removeIt: (table: string) => `Take it away: sudo nft delete table inet ${table}`,
  },
  tryIt: 'From your own computer, once the ports are open:',
  labels: { headscale: 'Headscale', certificate: 'Certificate', written: 'Written', ports: 'Let in' },
  certificateUntil: (at: string, file: string) => `to ${at}, ${file}`,
  renewal: (next: string, mode: string): string => {
    const looked = `looked at twice a day, next ${next}`;
    if (mode === 'self-signed') return `${looked}; in its last month comes one with a new pin, to be pasted`;
    return mode === 'manual' ? `${looked}; what you renew is taken over` : `renewed by itself; ${looked}`;
  },
  serving: 'Serving until Ctrl-C.',
  stopping: 'Stopping: clients are told to come back later.',
  interrupted: 'Interrupted.',
  undone: 'Everything was put back as it was.',
  undoing: 'Putting everything back; Ctrl-C again leaves the rest as it is.',
  alreadyAsDescribed: 'Already as described: nothing to do.',
  dryRun: 'A dry run: nothing was changed.',
  notStarted: 'Written, not started.',
  startIt: 'On the machine that it is for, as root (makes its user, starts it, proves it):',
  locked: (pid: number) => `another derp-setup is at work (pid ${pid}); wait for it to end`,
  serviceEnded: (unit: string, status: number | undefined) =>
    status === undefined ? `${unit} ended at once` : `${unit} ended at once, with exit code ${status}`,
  containerRefused: (name: string) => `Docker did not start the container ${name}`,
  dockerSaid: 'What Docker said:',
  imageNotPulled: (image: string, said: string) => `the image ${image} is not here, and could not be pulled: ${said}`,
  imageRemedies: (image: string) => [
    `a mirror of it, where Docker Hub cannot be reached:  --image mirror.example.com/library/${image}`,
    `from another machine:  docker save ${image} | ssh root@this-machine docker load`,
  ],
  serviceSilent: (unit: string) => `${unit} runs, but does not answer on its port`,
  serviceStale: (unit: string) => `${unit} was told of the new certificate, but still serves the one before`,
  journal: 'Its last lines:',
  cannotWrite: (path: string, rule: string) => `${path} ${rule}`,
  writeRemedies: {
    missing: undefined,
    denied: 'something keeps even root from writing there: look at lsattr, and at SELinux or AppArmor',
    'is-directory': 'move that directory away',
    'not-directory': 'a file is in the place of a directory: move it away',
    'read-only': 'make that file system writable, or write the files for another machine with --root DIR',
    'no-space': 'make room on that file system (df -h shows how much there is)',
    other: undefined,
  } satisfies Record<FileProblem, string | undefined>,
  notProved: 'the relay could not be proved to work; see the checks above',
  derperNotStopped: (code: StopRefusal['code']) => `derper was not stopped: ${derperStays[code]}`,
  firewallFailed: {
    refused: (tool: string, ports: string) => ({
      reason: `a rule of your own in ${tool} keeps ${ports} shut, and such a rule is not overruled`,
      remedy: 'remove that rule, or choose other ports; without --open-firewall the firewall is left to you',
    }),
    ineffective: (tool: string, ports: string) => ({
      reason: `${ports} stayed shut although ${tool} was told to open it: another rule comes first`,
      remedy: 'find it in  nft list ruleset  or  iptables -S ; without --open-firewall the firewall is left to you',
    }),
    unreadable: (tool: string, _ports: string) => ({
      reason: `the rules of ${tool} could be read before, and now they cannot`,
      remedy: `see whether ${tool} still runs, then run this again; without --open-firewall the firewall is left to you`,
    }),
  },
  nothingInstalled: 'Nothing is installed here.',
  removed: 'Removed.',
  kept: (paths: readonly string[]) =>
    `Kept, for the next time (uninstall --purge removes them too): ${paths.join(', ')}`,
  nftTableStays: (table: string) =>
    `The rules that keep addresses out are still in the kernel: sudo nft delete table inet ${table}`,
  derperStaysStopped: (name: string) => `The derper that was stopped in favour of the relay stays stopped: ${name}`,
  derperBringBack: (command: string) => `To have it serve again:  ${command}`,
  sureToRemove: 'Remove all that?',
  notANewerVersion: (version: string) => `This is version ${version}, which is installed already.`,
  newest: (command: string) => `To install the newest version:  ${command}`,
  certificateNotDue: (at: string) => `The certificate is good until ${at}: nothing to do.`,
  onClient: 'On a client, once the map is saved:',
  onThisMachine: 'On this machine:',
  here: {
    status: 'how it is; live with --watch',
    doctor: 'what is wrong, and what mends it',
    uninstall: 'removes it; shows first what goes',
  },
  netcheck: (code: string) => `should list ${code} with a latency`,
  securityGroup: (ports: string) => `${ports}: open them at your provider too (firewall, security group)`,
  left: (paths: readonly string[]) => `Could not be put back: ${paths.join(', ')}`,
  leftRemedy: 'Run it again to finish what was begun, or remove everything with:  derp-setup uninstall',
  failedToStart: (reason: string) => `the relay could not start: ${reason}`,
  probePassed: 'All good.',
  probeFailed: (failed: number) => (failed === 1 ? '1 check failed.' : `${failed} checks failed.`),
  unexpected: (detail: string) => `unexpected error: ${detail}`,
};
