import type { Fix } from '../../../setup/doctor/findings.ts';
import { findings } from './findings.ts';

/** What a fix did, or would do. */
function fixed(fix: Fix): string {
  switch (fix.kind) {
    case 'daemon-reload':
      return 'systemd has read its units again; what changed takes effect with: sudo systemctl restart derp-relay';
    case 'enable':
      return `${fix.unit} starts when the machine does`;
    case 'start':
      return `${fix.unit} is started`;
    case 'start-container':
      return `the container ${fix.name} is started`;
    case 'reload':
      return `${fix.unit} has read its certificate again`;
    case 'mode':
      return `${fix.path} has mode 0${fix.mode.toString(8)}`;
    case 'owner':
      return `${fix.path} belongs to ${fix.owner}`;
    case 'open-firewall':
      return 'the firewall lets clients in';
  }
}

const things = (count: number) => (count === 1 ? '1 thing' : `${count} things`);

export const doctor = {
  looking: 'looking at the relay, its machine and the way to it',
  fixing: 'mending',
  fixed,
  notFixed: (fix: Fix, detail: string) => `could not be mended (${fixed(fix)}): ${detail}`,
  allGood: 'All good.',
  warnings: (count: number) => (count === 1 ? '1 warning, nothing failed.' : `${count} warnings, nothing failed.`),
  toMend: (count: number, more: number) =>
    more === 0
      ? `${things(count)} to mend.`
      : `${things(count)} to mend, and ${more === 1 ? '1 warning' : `${more} warnings`}.`,
  canFix: (count: number) => `${count} of all that can be mended at once:  sudo derp-setup doctor --fix`,
  canReport: 'A file without secrets, for a bug report:  sudo derp-setup doctor --report FILE',
  reported: (path: string) =>
    `written to ${path}: keys, addresses and names are taken out, but look through it before you publish it`,
  notReported: (path: string, reason: string) => `no report is written: ${path} ${reason}`,
  reportTaken: (path: string) => `${path} is there already, and is no report of this program's`,
  reportElsewhere: 'choose another name: derp-setup doctor --report FILE',
  findings,
};
