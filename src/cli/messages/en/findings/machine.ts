/** What the doctor says of the machine and the log. */
import { formatBytes } from '../../../lines/figures.ts';
import type { FindingMessages } from '../../finding-wording.ts';

const times = (number: number) => (number === 1 ? 'once' : `${number} times`);

export const machine = {
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
  'relay-stalls': ({ stalls, stalledMs, minutes, longestMs, starved }) => ({
    text:
      `the relay stood still ${times(stalls)} in the last ${minutes} minutes, ` +
      `${(stalledMs / 1000).toFixed(1)} s in all (the longest since its start: ${longestMs} ms), and every packet waited: ` +
      (starved ? 'this machine had no processor for it' : 'it has more to do than one processor can'),
    remedy: starved
      ? 'see with top what else runs here, and in its "st" what other customers of the host take; a machine with a processor of its own mends it'
      : 'see with derp-setup status --watch what goes through it; hold each client to a rate: sudo derp-setup --client-rate 10M; or set up a second relay',
  }),
  'log-fine': () => ({ text: 'no errors in its log in the last hour' }),
  'log-errors': ({ events, last }) => ({
    text: `errors in its log in the last hour: ${Object.entries(events)
      .map(([event, number]) => `${event} ${times(number)}`)
      .join(', ')}${last ? `; the last: ${last}` : ''}`,
    remedy: `sudo journalctl -u derp-relay --since -1h | grep '"level":"error"'; for a bug report: sudo derp-setup doctor --report FILE`,
  }),
  'needs-root': () => ({
    text: 'without root, keys, firewall rules and other users’ programs could not be looked at',
    remedy: 'sudo derp-setup doctor',
  }),
} satisfies Partial<FindingMessages>;
