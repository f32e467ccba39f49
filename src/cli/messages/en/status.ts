import type { Shortcoming } from '../../../setup/status/status.ts';

const count = (number: number, one: string, many: string) => `${number} ${number === 1 ? one : many}`;

/** A length of time in its largest whole unit. */
function duration(seconds: number): string {
  if (seconds < 120) return count(Math.floor(seconds), 'second', 'seconds');
  if (seconds < 7200) return `${Math.floor(seconds / 60)} minutes`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} hours`;
  return `${Math.floor(seconds / 86_400)} days`;
}

const shortcomings: Record<Shortcoming, { text: string; remedy: string }> = {
  'prepared-only': {
    text: 'these files were prepared for another machine; nothing of it runs here',
    remedy: 'copy them to that machine, and look there',
  },
  'foreground-ended': {
    text: 'the relay does not run: it served in the foreground, and was ended',
    remedy: 'run it again: derp-setup --deploy foreground; to keep it running, install it as root',
  },
  'service-missing': {
    text: 'the service is not there, though it was installed',
    remedy: 'install it again: sudo derp-setup setup --yes',
  },
  'service-stopped': {
    text: 'the service does not run',
    remedy: 'sudo systemctl start derp-relay; if it stops again: sudo derp-setup doctor',
  },
  'service-restarting': {
    text: 'the service starts and ends again and again',
    remedy: 'see why: sudo derp-setup doctor, or journalctl -u derp-relay -n 20',
  },
  'container-missing': {
    text: 'the container is not there, though it was installed',
    remedy: 'make it again: sudo derp-setup setup --yes',
  },
  'container-stopped': {
    text: 'the container does not run',
    remedy: 'sudo docker start derp-relay; if it stops again: sudo derp-setup doctor',
  },
  'container-restarting': {
    text: 'the relay in the container starts and ends again and again',
    remedy: 'see why: sudo derp-setup doctor, or sudo docker logs --tail 20 derp-relay',
  },
  'relay-silent': {
    text: 'the service runs, but does not answer on its port',
    remedy: 'see why: sudo derp-setup doctor',
  },
  'certificate-ended': {
    text: 'the certificate has ended: clients refuse it',
    remedy: 'sudo derp-setup renew',
  },
};

export const status = {
  notInstalled: 'no relay is installed here',
  install: 'install one with:  sudo npx derp-setup    or try one without root:  npx derp-setup --deploy foreground',
  notInstalledBelow: (root: string) => `no relay is installed below ${root}`,
  noMap: (path: string) => `${path} is missing or damaged`,
  writeMap: 'write it anew: derp-setup setup',
  title: {
    serving: 'serving',
    serves: (seconds: number) => `serving for ${duration(seconds)}`,
    failing: 'not serving as it should',
  },
  labels: {
    host: 'Host',
    service: 'Service',
    container: 'Container',
    versions: 'Versions',
    certificate: 'Certificate',
    renewal: 'Renewal',
    clients: 'Clients',
    traffic: 'Traffic',
    dropped: 'Dropped',
    admission: 'Admission',
    limits: 'Limits',
    stun: 'STUN',
    memory: 'Memory',
    map: 'Map',
    unreadable: 'Not readable',
  },
  duration,
  /** The state of the unit, in systemd's own words where they are needed to understand it. */
  active: (active: string, subState: string): string => {
    if (active === 'active') return 'running';
    return subState === '' || subState === active ? active : `${active} (${subState})`;
  },
  /** Docker's own words, where they say it well. */
  containerStates: { missing: 'not there', exited: 'stopped', created: 'never started' } as Record<string, string>,
  containerHealth: (state: string, health: string): string => `${state} (${health})`,
  since: (time: string, seconds: number) => `since ${time} (${duration(seconds)})`,
  pid: (pid: number) => `pid ${pid}`,
  restarts: (number: number) => `started again ${count(number, 'time', 'times')}`,
  behind: (front: string): string => `behind ${front}`,
  atBoot: (enabled: boolean): string => (enabled ? 'starts at boot' : 'does not start at boot'),
  foreground: 'in the foreground',
  installedVersion: (version: string) => `installed ${version}`,
  runningVersion: (version: string) => `running ${version}`,
  ownVersion: (version: string) => `this program ${version}`,
  restartNeeded: 'the installed one runs after: sudo systemctl restart derp-relay',
  recreateNeeded: 'the installed one runs after: sudo docker restart derp-relay',
  upgradeable: 'install this one: sudo npx derp-setup upgrade',
  until: (day: string, days: number) =>
    days < 0 ? `ended on ${day}` : `to ${day} (${count(days, 'day', 'days')} left)`,
  fromFile: 'by its file',
  renewalNext: (time: string) => `next renewal check ${time}`,
  renewalOff: 'the renewal timer is not running',
  renewalFailed: 'the last renewal failed',
  renewalFailure: (at: string | undefined, reason: string | undefined) =>
    `failed${at === undefined ? '' : ` at ${at}`}${reason === undefined ? '' : `: ${reason}`}`,
  renewalAgain: (time: string) => `tried again from ${time} on`,
  clientsNow: (number: number) => `${number} now`,
  logins: (total: number) => count(total, 'login', 'logins'),
  loginWays: (total: number, fast: number, upgrade: number, websocket: number) =>
    `${count(total, 'login', 'logins')} (${fast} by fast start, ${upgrade} by upgrade, ${websocket} by WebSocket)`,
  inAndOut: (received: string, sent: string) => `${received} in, ${sent} out`,
  sinceStart: (traffic: string) => `${traffic} since its start`,
  /** How it came about, by the answer to --cert. */
  modes: {
    letsencrypt: "Let's Encrypt",
    'self-signed': 'self-signed',
    manual: 'your own files',
  } as Record<string, string>,
  pin: (start: string) => `pin ${start}…`,
  reasons: {
    unknown_dest: 'for clients that are not here',
    unknown_dest_on_fwd: 'from the mesh for clients that are not here',
    gone_disconnected: 'for clients that left',
    queue_head: 'too old in a full queue',
    queue_tail: 'refused by a full queue',
    write_error: 'on a broken connection',
    dup_client: 'for a key that is in use twice',
  } as Record<string, string>,
  droppedPackets: (reason: string, packets: number) => `${packets} ${reason}`,
  overLimit: (number: number) => `${count(number, 'connection', 'connections')} over the limit`,
  droppedRate: (packets: number) => `${count(packets, 'packet', 'packets')} dropped`,
  everyone: 'anyone may use it',
  everyoneAllowed: 'anyone who may connect may use it',
  mayConnect: (ranges: number) => `${count(ranges, 'range of addresses', 'ranges of addresses')} may connect`,
  mayNotConnect: (ranges: number) => `${count(ranges, 'range', 'ranges')} may not`,
  clientRate: (rate: string) => `${rate} from one client`,
  ways: {
    key_file: 'keys in the key file',
    tailscaled: 'members of the tailnet, by tailscaled',
    url: 'by the admission URL',
  } as Record<string, string>,
  refused: (number: number) => `${number} refused`,
  unanswered: (number: number) => `${count(number, 'question', 'questions')} without an answer`,
  removed: (number: number) => `${number} disconnected later`,
  stunAnswered: (number: number) => count(number, 'answer', 'answers'),
  region: (id: number, code: string) => `region ${id} (${code})`,
  node: (name: string) => `node ${name}`,
  mayNotRead: 'not this user’s to read; sudo shows them',
  shortcomings,
  noRelay: 'no answer from the relay',
};
