import { formatMs } from '../../../probe/latency.ts';
import { formatBytes, formatDay, formatTime } from '../../figures.ts';
import type { FindingMessages } from '../finding-wording.ts';
import { owner } from './problems.ts';

const octal = (mode: number) => `0${mode.toString(8)}`;
const days = (number: number) => (number === 1 ? '1 day' : `${number} days`);
const times = (number: number) => (number === 1 ? 'once' : `${number} times`);
const exit = (status: number | undefined) => (status === undefined ? '' : `, with exit code ${status}`);

/** Applies config.json anew, and writes what is missing. */
const SETUP_AGAIN = 'sudo derp-setup setup --yes';
const RESTART = 'sudo systemctl restart derp-relay';
const JOURNAL = 'journalctl -u derp-relay -n 50';

export const findings: FindingMessages = {
  'files-fine': () => ({ text: 'the files of the installation are whole, and say the same' }),
  'file-missing': ({ path }) => ({ text: `${path} is missing`, remedy: `write it anew: ${SETUP_AGAIN}` }),
  'file-damaged': ({ path }) => ({
    text: `${path} does not hold what was written there`,
    remedy: `move it away, and write it anew: ${SETUP_AGAIN}`,
  }),
  'file-unusable': ({ problem }, { text, remedy }) => ({
    text: `${problem.subject} ${text}`,
    remedy: remedy ?? `mend it, then: ${SETUP_AGAIN}`,
  }),
  'answers-differ': ({ path, fields }) => ({
    text: `${path} was changed and not applied: ${fields.map(({ name, answer, relay }) => `${name} is ${answer} there, ${relay} for the relay`).join('; ')}`,
    remedy: `apply it: ${SETUP_AGAIN}`,
  }),
  'file-edited': ({ path }) => ({
    text: `${path} was changed by hand; the next setup or upgrade would stop there`,
    remedy:
      'keep changes of a unit in a drop-in (sudo systemctl edit derp-relay), then: sudo derp-setup setup --yes --overwrite',
  }),

  'service-runs': ({ since, version }) => ({
    text: `derp-relay ${version} runs${since ? ` since ${formatTime(since)}` : ''}, and answers`,
  }),
  'foreground-runs': ({ version }) => ({ text: `derp-relay ${version} runs in the foreground, and answers` }),
  'foreground-ended': () => ({
    text: 'the relay does not run: it served in the foreground, and was ended',
    remedy: 'run it again: derp-setup --deploy foreground; to keep it running, install it: sudo derp-setup',
  }),
  'prepared-only': ({ root }) => ({
    text: `the files below ${root} were prepared for another machine; nothing of it runs here`,
    remedy: 'copy them to that machine, and run derp-setup doctor there',
  }),
  'service-missing': ({ unit }) => ({ text: `systemd knows no ${unit}`, remedy: `install it again: ${SETUP_AGAIN}` }),
  'service-stopped': ({ unit, active, result, exitStatus }) => ({
    text: `${unit} does not run: ${active}${result && result !== 'success' ? ` (${result}${exit(exitStatus)})` : ''}`,
    remedy: `sudo systemctl start ${unit}; if it stops again: ${JOURNAL}`,
  }),
  'service-restarting': ({ unit, restarts, exitStatus }) => ({
    text: `${unit} ends as soon as it starts${exit(exitStatus)}; systemd has tried again ${times(restarts)}`,
    remedy: `mend what its last lines say: ${JOURNAL}`,
  }),
  'service-restarted': ({ restarts, since }) => ({
    text: `the relay ended by itself, and was started again ${times(restarts)}, last at ${formatTime(since)}`,
    remedy: `see why: ${JOURNAL}`,
  }),
  'service-not-enabled': ({ unit }) => ({
    text: `${unit} would not start when the machine does`,
    remedy: `sudo systemctl enable ${unit}`,
  }),
  'unit-stale': ({ unit }) => ({
    text: `${unit} was changed on disk, and systemd has not read it since`,
    remedy: `sudo systemctl daemon-reload; what changed takes effect with: ${RESTART}`,
  }),
  'relay-silent': ({ port }) => ({
    text: `the service runs, but no relay answers on port ${port} of this machine`,
    remedy: `see what it waits for: ${JOURNAL}; then: ${RESTART}`,
  }),
  'other-relay-answers': ({ port }) => ({
    text: `the relay on port ${port} has another key than the key file says`,
    remedy: `have it read the key file: ${RESTART}; if that does not help, another relay has the port: sudo ss -ltnp`,
  }),
  'restart-needed': ({ running, installed }) => ({
    text: `version ${installed} is installed, but ${running} still runs`,
    remedy: RESTART,
  }),
  'derper-enabled': ({ name, running }) => ({
    text: running
      ? `a derper runs here too (${name})`
      : `a derper (${name}) starts with the machine, and takes the same ports`,
    remedy: `take its place for good: sudo derp-setup --take-over; or: sudo systemctl disable --now ${name}`,
  }),

  'runtime-fine': ({ version }) => ({ text: `the service runs with Node ${version}` }),
  'runtime-missing': ({ path }) => ({
    text: `the Node of the service is gone (${path}): it cannot start again`,
    remedy: 'install with the Node that there is now: sudo npx derp-setup setup --yes',
  }),
  'runtime-too-old': ({ path, version }) => ({
    text: `the Node of the service (${path}) is ${version}; 20.19 or 22.12 at least is needed`,
    remedy: 'bring a newer one along: sudo npx -y -p node@24 -p derp-setup derp-setup setup --yes',
  }),
  'runtime-broken': ({ path, detail }) => ({
    text: `the Node of the service (${path}) cannot be run: ${detail}`,
    remedy: 'install with another one: sudo npx -y -p node@24 -p derp-setup derp-setup setup --yes',
  }),

  'host-leads-here': ({ host, addresses }) => ({
    text: addresses.includes(host)
      ? `${host} leads to this relay`
      : `${host} leads to this relay: ${addresses.join(', ')}`,
  }),
  'host-unresolved': ({ host, failure }) =>
    failure === 'not-found'
      ? {
          text: `DNS knows no address of ${host}: clients cannot find the relay`,
          remedy: `make an A record (with IPv6, an AAAA record too) for ${host} at your DNS provider`,
        }
      : {
          text: `the name servers of this machine do not answer for ${host}`,
          remedy: 'check them: resolvectl status, or /etc/resolv.conf',
        },
  'address-blocked': ({ host, address, port }) => ({
    text: `${host} is ${address}, an address of this machine, but port ${port} cannot be reached there, only within`,
    remedy: 'see which rule stops it: sudo nft list ruleset, or sudo iptables -S',
  }),
  'address-elsewhere': ({ host, address }) => ({
    text:
      host === address
        ? `another server answers at ${address}, not this relay`
        : `${host} leads to ${address}, where another server answers, not this relay`,
    remedy: `point ${host === address ? 'the port forwarding' : `the DNS of ${host}`} at this machine, or set up another host: sudo derp-setup --host NAME`,
  }),
  'address-not-mine': ({ host, address, own }) => ({
    text: `${host === address ? address : `${host} leads to ${address}, which`} is not an address of this machine (${own.join(', ')})`,
    remedy: `point the DNS record at ${own[0]}, or set up another host: sudo derp-setup --host NAME`,
  }),
  'address-unproven': ({ host, address, port }) => ({
    text: `${host === address ? address : `${host} (${address})`} cannot be reached from this machine itself, which proves nothing behind a provider's NAT`,
    remedy: `forward port ${port} to this machine, and try from another one: npx derp-setup probe ${host}`,
  }),
  'ports-held': ({ ports }) => ({ text: `the relay has its ports: ${ports.join(', ')}` }),
  'port-taken': ({ protocol, port, flag, owner: who }) => ({
    text: `port ${port}/${protocol} is in use by ${owner(who)}, not by the relay`,
    remedy: `stop ${who.name ?? 'it'}, then: ${RESTART}; or choose another port: sudo derp-setup ${flag} PORT`,
  }),
  'port-closed': ({ protocol, port }) => ({
    text: `the relay runs, but nobody listens on ${port}/${protocol}`,
    remedy: `have it listen as config.json says: ${SETUP_AGAIN}, then: ${RESTART}`,
  }),
  'no-firewall': () => ({ text: 'this machine has no firewall of its own in the way' }),
  'firewall-open': ({ tool }) => ({ text: `${tool} lets clients in, and will after the next start` }),
  'firewall-closed': ({ tool, openings, commands }) => ({
    text: `${tool} keeps clients from ${openings.map(({ port, protocol }) => `${port}/${protocol}`).join(', ')}`,
    remedy: `sudo derp-setup doctor --fix --open-firewall${commands.length > 0 ? `, which does: ${commands.join('; ')}` : ''}`,
  }),
  'firewall-not-lasting': ({ tool }) => ({
    text: `${tool} lets clients in, but nothing here saves its rules for the next start`,
    remedy: 'save them: sudo apt install iptables-persistent, or in /etc/nftables.conf with nftables.service enabled',
  }),

  'client-served': ({ packets, medianMs }) => ({
    text: `two clients exchanged ${packets} packets through it, ${formatMs(medianMs)} on the way`,
  }),
  'client-check': ({ check }, { text, remedy }) => ({
    text: `as a client sees it, ${check.id}: ${text}`,
    ...(remedy !== undefined && { remedy }),
  }),
  'strangers-refused': () => ({ text: 'the relay turns away a key that it does not know, as it should' }),
  'strangers-admitted': () => ({
    text: 'a key that nobody has was let in, although --verify says that not everybody is',
    remedy: `see who admits it, below; if the relay was started before --verify was set: ${RESTART}`,
  }),
  'stun-through-docker': ({ port, mapped }) => ({
    text: `STUN on port ${port} answers ${mapped}, a private address: Docker's proxy hides where clients come from, and they are told a wrong address`,
    remedy: "give that container the host's network (network_mode: host), or stop it so that the relay gets the port",
  }),
  'stun-unproven': ({ mapped }) => ({
    text: `STUN answers this machine with ${mapped}; by a provider's NAT and back that proves nothing about clients`,
    remedy: 'on a client: tailscale netcheck should show your own public address',
  }),

  'certificate-fine': ({ host, notAfter, daysLeft }) => ({
    text: `the certificate is for ${host}, matches its key, and is good to ${formatDay(notAfter)} (${days(daysLeft)})`,
  }),
  'certificate-wrong-host': ({ host, names }) => ({
    text: `the certificate is for ${names || 'no name at all'}, not for ${host}: clients refuse it`,
    remedy: `use one for ${host} (sudo derp-setup --cert-file FILE --key-file FILE), or the host that it names (--host NAME)`,
  }),
  'certificate-ended': ({ at }) => ({
    text: `the certificate ended on ${at}: clients refuse it`,
    remedy: 'sudo derp-setup renew',
  }),
  'certificate-early': ({ at }) => ({
    text: `the certificate is valid from ${at} only, by this machine's clock`,
    remedy: 'set the clock: sudo timedatectl set-ntp true',
  }),
  'certificate-key-mismatch': ({ certFile, keyFile }) => ({
    text: `${keyFile} is not the key of ${certFile}: the relay cannot start with them`,
    remedy: 'take over the two files of one pair: sudo derp-setup --cert-file FILE --key-file FILE',
  }),
  'certificate-problem': ({ problem }, { text, remedy }) => ({
    text: `${problem.subject} ${text}`,
    remedy: remedy ?? 'sudo derp-setup renew',
  }),
  'certificate-ends-soon': ({ notAfter, daysLeft, selfSigned }) =>
    selfSigned
      ? {
          text: `the certificate ends on ${formatDay(notAfter)} (${days(daysLeft)}), and its successor has a new pin, which every derpMap needs`,
          remedy: 'change over when it suits you: sudo derp-setup renew, then paste what derp-setup derp-map prints',
        }
      : {
          text: `the certificate ends on ${formatDay(notAfter)} (${days(daysLeft)}), and should have been renewed by now`,
          remedy: 'sudo derp-setup renew; what went wrong: journalctl -u derp-setup-renew -n 50',
        },
  'certificate-not-loaded': ({ servedUntil, fileUntil }) => ({
    text: `the relay serves another certificate (to ${formatDay(servedUntil)}) than its file holds (to ${formatDay(fileUntil)})`,
    remedy: 'sudo systemctl reload derp-relay',
  }),
  'chain-incomplete': ({ file, issuer }) => ({
    text: `${file} lacks the certificate of its issuer (${issuer}): most clients refuse it`,
    remedy: 'use the full chain (fullchain.pem): sudo derp-setup --cert-file FULLCHAIN --key-file KEY',
  }),
  'private-authority': ({ issuer }) => ({
    text: `no public authority stands behind the certificate (issuer: ${issuer})`,
    remedy:
      'right if all clients trust that issuer; otherwise: sudo derp-setup --cert self-signed, which clients know by its pin',
  }),
  'renewal-planned': ({ next }) => ({
    text: `the renewal timer runs${next ? `, next at ${formatTime(next)}` : ''}, and its last run went well`,
  }),
  'timer-missing': ({ unit }) => ({
    text: `systemd knows no ${unit}: nobody renews the certificate`,
    remedy: `install it again: ${SETUP_AGAIN}`,
  }),
  'timer-stopped': ({ unit }) => ({
    text: `${unit} does not run: nobody renews the certificate`,
    remedy: `sudo systemctl enable --now ${unit}`,
  }),
  'timer-not-enabled': ({ unit }) => ({
    text: `${unit} would not start when the machine does`,
    remedy: `sudo systemctl enable ${unit}`,
  }),
  'renewal-failed': ({ unit, exitStatus }) => ({
    text: `the last run of ${unit} failed${exit(exitStatus)}`,
    remedy: 'mend what its last lines say, then: sudo derp-setup renew',
  }),

  'permissions-fine': () => ({ text: 'keys are for the relay alone, and it can read what it needs' }),
  'file-exposed': ({ path, mode, wanted }) => ({
    text: `${path} holds a key, and others may read it (mode ${octal(mode)})`,
    remedy: `sudo chmod ${octal(wanted)} ${path}`,
  }),
  'file-mode': ({ path, mode, wanted }) => ({
    text: `${path} has mode ${octal(mode)} instead of ${octal(wanted)}`,
    remedy: `sudo chmod ${octal(wanted)} ${path}`,
  }),
  'file-owner': ({ path, owner: whose, wanted }) => ({
    text: `${path} belongs to ${whose} instead of ${wanted}, so that the relay may not get at it`,
    remedy: `sudo chown ${wanted} ${path}`,
  }),

  'open-relay': () => ({
    text: 'anyone may use this relay: strangers find open relays, and use them',
    remedy: "let in the members of this machine's tailnet only: sudo derp-setup --verify tailscaled",
  }),
  'tailscaled-answers': ({ version }) => ({
    text: `tailscaled${version === undefined ? '' : ` ${version}`} says who belongs to the tailnet`,
  }),
  'tailscaled-absent': () => ({
    text: 'tailscaled, which says who may use the relay, does not run: every new client is refused',
    remedy: 'sudo systemctl enable --now tailscaled; to install it: https://tailscale.com/download/linux',
  }),
  'tailscaled-silent': ({ detail }) => ({
    text: `tailscaled does not say who may use the relay${detail ? `: ${detail}` : ''}`,
    remedy: 'sudo systemctl restart tailscaled, then: tailscale status',
  }),
  'tailscaled-logged-out': () => ({
    text: 'tailscaled is not logged in, so it knows nobody: every new client is refused',
    remedy: 'sudo tailscale up',
  }),
  'tailscaled-stopped': () => ({
    text: 'tailscaled is switched off, so it knows nobody: every new client is refused',
    remedy: 'sudo tailscale up',
  }),
  'tailscaled-old': ({ version, first }) => ({
    text: `tailscaled ${version} cannot be asked about keys; ${first} can`,
    remedy: 'sudo tailscale update, or update it with your package manager',
  }),
  'admission-url-answers': ({ url }) => ({ text: `the admission URL answers, and refuses a stranger (${url})` }),
  'admission-url-fails': ({ url, detail }) => ({
    text: `the admission URL does not say who may use the relay: ${detail} (${url})`,
    remedy: `try it from this machine: curl -i ${url}; another one: sudo derp-setup --verify url:https://…`,
  }),
  'admission-url-admits-all': ({ url }) => ({
    text: `the admission URL lets in a key that nobody has (${url})`,
    remedy: 'see what answers there: Headscale and others answer at /verify',
  }),
  'key-list-fine': ({ path, keys }) => ({ text: `${path} lets in ${keys === 1 ? '1 key' : `${keys} keys`}` }),
  'key-list-empty': ({ path }) => ({
    text: `${path} names no key: every client is refused`,
    remedy: 'write one nodekey:… a line (tailscale status --json tells them), then: sudo systemctl reload derp-relay',
  }),
  'key-list-unreachable': ({ path }) => ({
    text: `the relay's user may not read ${path}: it cannot start again`,
    remedy: `sudo chmod o+r ${path}, and o+x for the directories above it; not below /home, /root or /tmp`,
  }),
  'key-list-bad': ({ detail }) => ({
    text: `the list of keys cannot be used: ${detail}`,
    remedy: 'mend it, then: sudo systemctl reload derp-relay',
  }),
  'admission-unanswered': ({ failures }) => ({
    text: `${failures === 1 ? '1 question' : `${failures} questions`} about clients got no answer since the relay started`,
    remedy: 'it answers now; when it did not: journalctl -u derp-relay | grep admission_unanswered',
  }),
  'refused-lately': ({ refused }) => ({
    text: `${refused.length === 1 ? '1 key was' : `${refused.length} keys were`} refused in the last hour: ${refused
      .slice(0, 5)
      .map(({ key, reason, times: count }) => `${key} ${times(count)} (${reason})`)
      .join(', ')}`,
    remedy: 'if one of them is yours, see that its node is in the tailnet, or on the list, that the relay asks',
  }),

  'map-fine': ({ regionId }) => ({ text: `the map fits the relay: region ${regionId}` }),
  'map-differs': ({ path }) => ({
    text: `${path} names another host or port than the relay has`,
    remedy: `${SETUP_AGAIN}, then paste what derp-setup derp-map prints`,
  }),
  'pin-differs': ({ path, mapPin, certificatePin }) => ({
    text: `the pin in ${path} (${mapPin.slice(0, 19)}…) is not that of the certificate (${certificatePin.slice(0, 19)}…): clients refuse it`,
    remedy: `${SETUP_AGAIN}, then paste what derp-setup derp-map prints`,
  }),
  'region-of-tailscale': ({ regionId }) => ({
    text: `region ${regionId} is, or may become, one of Tailscale's own, which yours replaces`,
    remedy: 'sudo derp-setup --region-id 900 (to 999), then paste the map anew',
  }),
  'region-out-of-range': ({ regionId }) => ({
    text: `region ${regionId} is outside 900 to 999, which are kept free for your own`,
    remedy: 'sudo derp-setup --region-id 900 (to 999), then paste the map anew',
  }),

  'clock-synchronized': () => ({ text: 'the clock is set by the network' }),
  'clock-not-synchronized': () => ({
    text: 'nothing sets the clock of this machine: when it is wrong, certificates look ended or not yet valid',
    remedy: 'sudo timedatectl set-ntp true (on Debian with: sudo apt install systemd-timesyncd)',
  }),
  'disk-room': ({ freeBytes }) => ({ text: `${formatBytes(freeBytes)} of disk are free` }),
  'disk-low': ({ path, freeBytes }) => ({
    text: `${formatBytes(freeBytes)} are left on the disk of ${path}`,
    remedy: 'see what takes it: sudo du -xh / | sort -h | tail; old journals: sudo journalctl --vacuum-size=100M',
  }),
  'disk-full': ({ path, freeBytes }) => ({
    text: `the disk of ${path} is full (${formatBytes(freeBytes)} left): certificates cannot be renewed`,
    remedy: 'make room: sudo journalctl --vacuum-size=100M; see what takes it: sudo du -xh / | sort -h | tail',
  }),
  'open-files-enough': ({ limit }) => ({ text: `the relay may have ${limit} files and connections open` }),
  'open-files-few': ({ limit, clients }) => ({
    text: `the relay may have ${limit} files and connections open, and has ${clients === 1 ? '1 client' : `${clients} clients`}`,
    remedy: 'raise it: sudo systemctl edit derp-relay, [Service] LimitNOFILE=1048576, then restart it',
  }),
  'log-fine': () => ({ text: 'no errors in its log in the last hour' }),
  'log-errors': ({ events, last }) => ({
    text: `errors in its log in the last hour: ${Object.entries(events)
      .map(([event, number]) => `${event} ${times(number)}`)
      .join(', ')}${last ? `; the last: ${last}` : ''}`,
    remedy: 'journalctl -u derp-relay -p err --since -1h; for a bug report: sudo derp-setup doctor --report FILE',
  }),
  'needs-root': () => ({
    text: 'keys, firewall rules and other users’ programs could not be looked at',
    remedy: 'sudo derp-setup doctor',
  }),
};
