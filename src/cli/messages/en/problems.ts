import type { RangeFlaw } from '../../../protocol/address-set.ts';
import { formatBytes } from '../../lines/columns.ts';
import { printable } from '../../lines/text.ts';
import type { ProblemMessages, Wording } from '../wording.ts';
import { obstacles, valueProblems } from './certificates.ts';
import { derperStays } from './derper.ts';
import { nginxProblems } from './nginx.ts';
import { nginxCannot } from './nginx-front.ts';
import { owner } from './owner.ts';

export { owner };

const list = (words: readonly string[], last: string) =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;

const didYouMean = (suggestion: string | undefined) =>
  suggestion === undefined ? {} : { remedy: `did you mean ${suggestion}?` };

const ports = (offAllowed: boolean) => (offAllowed ? '1 to 65535, or -1 for none' : '1 to 65535');

const plainHost = 'a name like derp.example.com or an IPv4 or IPv6 address';
const hostRemedies = {
  plain: `give ${plainHost}`,
  url: 'give the name or address alone, without https:// and path',
  port: 'give the name or address alone, and the port with --derp-port',
};

/** What is wrong with an address or range. */
function rangeFlaw(flaw: RangeFlaw): Wording {
  switch (flaw.code) {
    case 'no-range':
      return {
        rule: 'is not an IP address or a range of them',
        remedy: 'such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32; the path of a list in a file begins with / or ./',
      };
    case 'bad-length':
      return { rule: `needs a number from 0 to ${flaw.longest} behind its slash` };
    case 'mapped':
      return { rule: 'is a range of IPv4 addresses written as IPv6', remedy: 'write it as IPv4' };
    case 'begins-within':
      return {
        rule: 'begins within its range',
        remedy: `write ${flaw.range}, or the address ${flaw.address} alone`,
      };
  }
}

const fileRemedies = {
  missing: 'check the path',
  denied: 'let the user who runs this read it, or run as its owner',
  'is-directory': 'name a file',
  'not-directory': 'check the path, or move away the file that is in the place of a directory',
  'read-only': 'name a directory on a file system that can be written',
  'no-space': 'make room, or name another directory with --root',
  other: 'check the path',
};

export const problems: ProblemMessages = {
  ...obstacles,
  ...valueProblems,
  ...nginxProblems,
  'unknown-flag': ({ suggestion }) => ({ rule: 'is not a flag of this command', ...didYouMean(suggestion) }),
  'unknown-argument': () => ({ rule: 'is one word too many', remedy: 'values belong behind their flags' }),
  'unknown-command': ({ suggestion }) => ({ rule: 'is not a command', ...didYouMean(suggestion) }),
  'unknown-setting': ({ suggestion }) => ({ rule: 'is not a setting of this version', ...didYouMean(suggestion) }),
  'missing-value': () => ({ rule: 'needs a value' }),
  'missing-host': () => ({ rule: 'is missing', remedy: 'name the relay to check: derp-setup probe derp.example.com' }),
  'not-text': () => ({ rule: 'must be a text or a number' }),
  'not-a-host': ({ hint }) => ({ rule: 'is neither a host name nor an IP address', remedy: hostRemedies[hint] }),
  'unusable-host': () => ({ rule: 'is not an address that clients can dial', remedy: `give ${plainHost}` }),
  'not-a-port': ({ offAllowed }) => ({ rule: `is not a port (${ports(offAllowed)})` }),
  'same-port': ({ other }) => ({ rule: `is the port of ${other} too`, remedy: 'choose two different ports' }),
  'port-in-use': (rule) => ({
    rule: `is in use by ${owner(rule.owner)}`,
    remedy: `stop ${rule.owner?.name ?? 'it'}, or choose another ${rule.protocol.toUpperCase()} port`,
  }),
  'nginx-in-the-way': ({ obstacle }) => {
    const { why, remedy } = nginxCannot(obstacle);
    const other = 'choose another port, or -1 for none';
    return { rule: `is nginx's, which ${why}`, remedy: remedy === undefined ? other : `${remedy}; or ${other}` };
  },
  'nginx-cannot-end-tls': ({ obstacle }) => {
    const { why, remedy } = nginxCannot(obstacle);
    return {
      rule: `cannot be had: nginx ${why}`,
      remedy: remedy ?? 'use --front stream, or another port for the relay',
    };
  },
  'nothing-in-front': () => ({
    rule: 'is of no use: there is no nginx on port 80 that would hand it on',
    remedy: 'leave it out: the relay takes port 80 itself',
  }),
  'port-denied': () => ({
    rule: 'may not be opened by this user',
    remedy: 'choose a port from 1024 up, or run as root',
  }),
  'no-free-port': ({ protocol }) => ({ rule: `is taken, and so is every ${protocol.toUpperCase()} port above it` }),
  'not-one-of': ({ choices }) => ({ rule: `is not one of ${choices.join(', ')}` }),
  needs: ({ flags }) => ({ rule: `needs ${list(flags, 'and')}` }),
  'only-with': ({ choice }) => ({ rule: `goes with ${choice} only`, remedy: `add ${choice}, or leave it out` }),
  'not-with': ({ flag }) => ({ rule: `cannot be used together with ${flag}` }),
  'not-a-number': () => ({ rule: 'is not a number (900 to 999 for your own regions)' }),
  'not-a-count': ({ first, last }) => ({ rule: `is not a whole number from ${first} to ${last}` }),
  'out-of-range': ({ first, last }) => ({ rule: `is not from ${first} to ${last} (900 to 999 for your own regions)` }),
  'bad-code': () => ({ rule: 'is not a region code', remedy: 'up to 32 letters, digits and hyphens, such as myderp' }),
  'bad-name': () => ({ rule: 'is not a region name', remedy: 'one line of up to 64 characters, such as "My DERP"' }),
  'bad-node-name': () => ({
    rule: 'is not a node name',
    remedy: 'letters, digits, dots, hyphens and underscores, such as 900a',
  }),
  'not-an-address': ({ family }) => ({
    rule: `is not an IPv${family} address`,
    remedy: 'or none, to keep clients off it',
  }),
  'contradicts-host': ({ host }) => ({ rule: `is not the host ${host}`, remedy: 'leave it out: the host says it' }),
  'not-a-home': () => ({ rule: 'is no page', remedy: 'default, blank, or a URL to redirect to (https://…)' }),
  'not-a-pin': () => ({
    rule: 'is not a pin',
    remedy: 'sha256-raw: and 64 hex digits, as CertName says in the derpMap',
  }),
  file: ({ action, problem, detail }) => ({
    rule: `cannot be ${action === 'read' ? 'read' : 'written'}: ${detail}`,
    remedy: fileRemedies[problem],
  }),
  'not-a-directory': () => ({ rule: 'is not a directory' }),
  'not-json': () => ({ rule: 'is not JSON', remedy: 'mend the file, or move it away' }),
  'not-an-object': () => ({
    rule: 'does not hold a JSON object of answers',
    remedy: 'such as {"host": "derp.example.com"}',
  }),
  'newer-config': () => ({
    rule: 'was written by a newer derp-setup',
    remedy: 'use that version, or move the file away and answer anew',
  }),
  'not-a-certificate': () => ({
    rule: 'holds no whole certificate in PEM form',
    remedy: 'it must hold the certificate, then its intermediates, uncut; restore it or name another file',
  }),
  'not-a-private-key': () => ({
    rule: 'holds no whole private key in PEM form',
    remedy: 'restore it from where the certificate came from, or name another file',
  }),
  'encrypted-key': () => ({
    rule: 'is protected by a passphrase',
    remedy: 'a server must read it unattended: openssl pkey -in OLD -out NEW',
  }),
  'key-mismatch': ({ certFile }) => ({
    rule: `is not the key of the certificate in ${certFile}`,
    remedy: 'name the two files of one pair',
  }),
  'host-not-covered': ({ host, names }) => ({
    rule: `is not for ${host}, but for ${names || 'no name at all'}`,
    remedy: 'choose the host that the certificate names, or a certificate for this host',
  }),
  expired: ({ at }) => ({ rule: `ended on ${at}`, remedy: 'renew the certificate' }),
  'not-yet-valid': ({ at }) => ({ rule: `is valid from ${at} only`, remedy: "check this machine's clock" }),
  'chain-order': ({ position }) => ({
    rule: `has certificate ${position} in the wrong place: it did not sign the one before it`,
    remedy: 'put your own certificate first, then the one that signed it, and so on',
  }),
  'bad-relay-key': () => ({
    rule: 'is not a whole relay key file ({"PrivateKey": "privkey:…"})',
    remedy: 'restore it from a backup, or move it away to get a new key',
  }),
  'not-an-admission-url': () => ({
    rule: 'is not an admission URL',
    remedy: 'url:https://…; plain http:// on this machine only, such as url:http://127.0.0.1:8080/verify',
  }),
  'must-choose': ({ choices }) => ({
    rule: 'must be chosen: it says who may use the relay',
    remedy: `one of ${list(choices, 'or')}; with none strangers find the relay and use it`,
  }),
  'needs-root': () => ({
    rule: 'needs root: it installs a service',
    remedy: 'run it with sudo, or try the relay without root: --deploy foreground',
  }),
  'needs-systemd': () => ({
    rule: 'needs systemd, which does not run here',
    remedy: 'try the relay with --deploy foreground, or write the files for another machine with --root DIR',
  }),
  'needs-tailscaled': () => ({
    rule: 'needs tailscaled, which does not run here',
    remedy: 'install Tailscale on this machine and log in (tailscale up), or choose another way of --verify',
  }),
  'needs-docker': () => ({
    rule: 'needs Docker, which is not installed here',
    remedy:
      'install it with Compose: https://docs.docker.com/engine/install/ or your distribution (docker.io, docker-compose)',
  }),
  'docker-denied': ({ user }) => ({
    rule: `needs Docker, which refuses the user ${user}`,
    remedy: `run it with sudo; to use Docker without:  sudo usermod -aG docker ${user}  and log in anew`,
  }),
  'docker-stopped': () => ({
    rule: "needs Docker's engine, which does not answer",
    remedy: 'start it: sudo systemctl enable --now docker (without systemd: sudo service docker start)',
  }),
  'docker-confined': () => ({
    rule: 'needs a Docker that sees /etc and /usr/local, and the one here is a snap, which does not',
    remedy:
      'replace it: sudo snap remove docker, then https://docs.docker.com/engine/install/ or apt install docker.io',
  }),
  'needs-compose': () => ({
    rule: 'needs Docker Compose, which is not installed here',
    remedy:
      "one of the packages docker-compose-plugin (Docker's own), docker-compose-v2 (Ubuntu), docker-compose (Debian), docker-cli-compose (Alpine)",
  }),
  'container-name-taken': ({ image, project }) => ({
    rule: `is the name of a container already, ${project === undefined ? `of the image ${image}` : `of the project in ${project}`}`,
    remedy: 'remove it (docker rm -f derp-relay), or give it another name: docker rename derp-relay derp-relay-before',
  }),
  'directory-not-mountable': ({ directory }) => ({
    rule: `is directly in ${directory}, which a container cannot be given as a whole`,
    remedy: 'put it into a directory of its own; a list of keys may be in /etc/derp-setup',
  }),
  'no-system-id': () => ({
    rule: 'cannot be made: every number for system users (201 to 999) is taken',
    remedy: 'remove users and groups that nobody needs any more',
  }),
  'not-an-image': () => ({
    rule: 'is not the name of an image',
    remedy:
      'such as node:24-bookworm-slim, or with a registry in front: registry.example.com/library/node:24-bookworm-slim',
  }),
  'user-can-log-in': ({ uid }) => ({
    rule: `exists already (uid ${uid}) and is somebody who can log in, not a service`,
    remedy: 'rename or remove that user: the relay runs as a system user of this name',
  }),
  'user-of-another-group': () => ({
    rule: 'exists already, but not with a group of the same name',
    remedy: 'remove it with userdel derp-relay: a user with its own group is made then',
  }),
  'group-without-user': () => ({
    rule: 'is a group already, but there is no user of that name',
    remedy: 'remove it with groupdel derp-relay: a user with its own group is made then',
  }),
  'no-room': ({ needed, free }) => ({
    rule: `needs ${formatBytes(needed)} on its disk, where ${formatBytes(free)} are free`,
    remedy: 'make room on that file system (df -h shows how much there is)',
  }),
  'edited-by-hand': ({ kind }) => ({
    rule: 'was changed by hand since it was written',
    remedy: {
      unit: 'keep the change in a drop-in (systemctl edit derp-relay), or replace the file with --overwrite',
      compose: 'keep the change in compose.override.yaml beside it, and replace the file with --overwrite',
      other: 'replace it with --overwrite; what it says is set by the flags of derp-setup',
    }[kind],
  }),
  'bad-manifest': () => ({
    rule: 'is damaged: it lists what is installed',
    remedy: 'restore it from a backup, or move it away and run derp-setup again, which writes it anew',
  }),
  'bad-prover-keys': () => ({
    rule: 'is damaged: it holds the keys of the clients that prove the relay',
    remedy: 'move it away and run this again: new keys are made',
  }),
  'bad-key-list': ({ detail }) => ({
    rule: `cannot be used: ${detail}`,
    remedy: 'one nodekey:<64 hex digits> a line, comments begin with #',
  }),
  'unreachable-by-relay': () => ({
    rule: 'cannot be read by the relay, which runs as a user of its own without a view of home directories',
    remedy: 'put it into /etc/derp-setup, readable by all (it holds no secrets)',
  }),
  'bad-range': ({ flaw }) => rangeFlaw(flaw),
  'bad-address-line': ({ line, text, flaw }) => {
    const { rule, remedy } = rangeFlaw(flaw);
    return { rule: `has a bad line ${line}: ${printable(text)} ${rule}`, ...(remedy !== undefined && { remedy }) };
  },
  'empty-address-list': () => ({
    rule: 'holds no address, so nobody would be let in',
    remedy:
      'one address or range a line, such as 192.0.2.0/24; without a list everybody may connect: --allow-cidr none',
  }),
  'not-a-rate': () => ({
    rule: 'is not a rate in bytes a second',
    remedy: 'such as 10M, 500k or 1250000, with :BURST behind it if you like (10M:20M), or none',
  }),
  'needs-address-list': () => ({
    rule: 'is missing, and the installed relay keeps nobody out by address',
    remedy: 'name a list, such as --allow-cidr 192.0.2.0/24,/etc/derp-setup/home.txt, or --deny-cidr likewise',
  }),
  'older-version': ({ installed, version }) => ({
    rule: `would go back: version ${installed} is installed, this is ${version}`,
    remedy:
      'npx --yes derp-setup@latest upgrade; to go back all the same, uninstall first: key and certificates are kept',
  }),
  'needs-yes': () => ({
    rule: 'is missing: without a terminal nothing is installed unless that is said',
    remedy: 'add --yes to install, or --dry-run to see what would be done',
  }),
  'derper-in-the-way': ({ name }) => ({
    rule: `is used by derper (${name})`,
    remedy: 'take over its key, certificates and ports with --take-over, or choose another port',
  }),
  'firewall-refuses': ({ tool, ports: shut }) => ({
    rule: `would be in vain: a rule of your own in ${tool} keeps ${list(shut, 'and')} shut`,
    remedy: 'remove that rule, or choose other ports; without --open-firewall the firewall is left to you',
  }),
  'derper-not-stoppable': ({ refusal }) => ({ rule: `cannot be done: ${derperStays[refusal]}` }),
  'only-for-target': ({ target }) => ({ rule: `goes with --deploy ${target} only`, remedy: 'leave it out' }),
};
