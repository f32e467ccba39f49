/** What is said of an nginx that shares its port with the relay. */
import { isIP } from 'node:net';
import type { ByHand, NginxObstacleCode } from '../../../deploy/nginx/obstacle.ts';
import type { SiteAnswer } from '../../../setup/nginx/site-answers.ts';
import type { NoteMessages, ProblemMessages } from '../wording.ts';

const elsewhere = 'or give the relay a port of its own: --deploy systemd --derp-port 8443';
const above = `what could be written by hand is shown above: with that in place this finds the way; ${elsewhere}`;

/** The lines that somebody's own stream server needs. */
const ownStream = ({ host, relayPort }: ByHand) =>
  `in its map by $ssl_preread_server_name write "${isIP(host) === 0 ? host : '""'} 127.0.0.1:${relayPort};", in the server ` +
  '"proxy_protocol on; proxy_bind 127.0.0.2;" (its sites then need proxy_protocol in their listen, and set_real_ip_from ' +
  `127.0.0.2), reload nginx and run this again, which finds the way and leaves nginx alone; ${elsewhere}`;

const oddities = {
  name: 'names a host instead of an address, which nginx looks up when it starts',
  range: 'names several ports at once',
  'proxy-protocol': 'expects another proxy before it (proxy_protocol)',
};
const unfit = {
  lua: 'holds Lua, which is not read here',
  'not-utf8': 'is not in UTF-8, so that it could not be kept as it is',
  'hard-link': 'has another name too (a hard link), which would keep the old text',
  'not-writable': 'cannot be written: it is immutable, or on a read-only file system',
};

export const nginxProblems: Pick<ProblemMessages, NginxObstacleCode> = {
  'nginx-missing': () => ({
    rule: 'needs nginx, and there is no such command here',
    remedy: `install it, or run this where nginx is (one in a container cannot be changed from outside); ${elsewhere}`,
  }),
  'nginx-stopped': () => ({ rule: 'needs a running nginx', remedy: 'sudo systemctl start nginx, and run this again' }),
  'nginx-other': ({ pid }) => ({
    rule: `would change this machine's nginx, but another one has the port (pid ${pid}), such as one in a container`,
    remedy: `stop that one; ${elsewhere}`,
  }),
  'nginx-test-fails': ({ said }) => ({
    rule: `cannot be done while nginx refuses its own configuration: ${said.slice(0, 3).join('; ')}`,
    remedy: 'mend that first (sudo nginx -t shows it), then run this again',
  }),
  'nginx-too-old': ({ version, first }) => ({
    rule: `needs nginx ${first} or later, and this is ${version}`,
    remedy: `upgrade nginx, ${elsewhere}`,
  }),
  'nginx-no-stream': ({ state, package: command, module }) => ({
    rule: "needs nginx's stream module with ssl_preread",
    remedy:
      state === 'not-loaded'
        ? `it is installed but not loaded: write "load_module ${module};" at the top of nginx.conf, then run this again`
        : command === undefined
          ? `install the package that brings it, or build nginx --with-stream --with-stream_ssl_preread_module; ${elsewhere}`
          : `sudo ${command}, then run this again`,
  }),
  'nginx-no-real-ip': () => ({
    rule: "needs nginx's realip module: without it the sites would not see their visitors' addresses",
    remedy: `use an nginx built --with-http_realip_module, ${elsewhere}`,
  }),
  'nginx-unread': ({ problem }) => ({
    rule: `cannot be done: a part of nginx's configuration is not understood (${problem})`,
    remedy: elsewhere.replace(/^or /, ''),
  }),
  'nginx-port-unused': ({ port }) => ({
    rule: `shares a port with websites, and this nginx serves none on port ${port}`,
    remedy: `the relay can have the port itself: --deploy systemd --derp-port ${port}`,
  }),
  'nginx-family': ({ host, port, family }) => ({
    rule: `needs a site on IPv${family}: clients of ${host} would meet nobody on port ${port}`,
    remedy: `add "listen ${family === 6 ? `[::]:${port}` : port} ssl;" to a site; ${elsewhere}`,
  }),
  'nginx-own-stream': ({ file, line, ...rest }) => ({
    rule: `finds a stream server of your own on port ${rest.port} (${file}:${line}), which is left alone`,
    remedy: ownStream(rest),
  }),
  'nginx-other-relay-port': ({ relayPort, named }) => ({
    rule: `finds that nginx leads to the relay at port ${relayPort}, not at ${named}`,
    remedy: `leave --relay-port out, or change the port in nginx`,
  }),
  'nginx-odd-listen': ({ file, line, text, why }) => ({
    rule: `cannot move "${text}" (${file}:${line}): it ${oddities[why]}`,
    remedy: above,
  }),
  'nginx-name-taken': ({ file, line, host }) => ({
    rule: `would take ${host} from the website of that name (${file}:${line})`,
    remedy: `give the relay a name of its own, such as derp.${host.replace(/^www\./, '')}; ${elsewhere}`,
  }),
  'nginx-real-ip': ({ file, line, text }) => ({
    rule: `would spoil how a site finds its visitors' addresses: "${text}" (${file}:${line})`,
    remedy: above,
  }),
  'nginx-generated': ({ file, panel }) => ({
    rule: `would have to change ${file}, which a program writes ("${panel}") and would write anew`,
    remedy: `in that program's own settings, ${above}`,
  }),
  'nginx-file': ({ file, why }) => ({
    rule: `would have to change ${file}, which ${unfit[why]}`,
    remedy: above,
  }),
};

export const nginxNotes: Pick<
  NoteMessages,
  'nginx-nameless' | 'nginx-by-hand' | 'nginx-few-connections' | 'nginx-server-port'
> = {
  'nginx-nameless': ({ host }) =>
    `who opens https://${host} or names no site gets the relay from now on, not nginx's default site: clients of a bare address send no name`,
  'nginx-by-hand': ({ relayPort }) =>
    `nginx passes the host on to 127.0.0.1:${relayPort} already, by a stream server of your own: it is left as it is`,
  'nginx-few-connections': ({ connections }) =>
    `nginx allows each worker ${connections} connections (worker_connections); behind the shared port each visitor takes three and each client of the relay two: raise it on a busy machine`,
  'nginx-server-port': ({ sitesPort, places }) =>
    `$server_port is ${sitesPort} for the moved sites, and is used in ${places.join(', ')}: where an application builds links from it, use $proxy_protocol_server_port instead`,
};

const answer = ({ fingerprint, status }: SiteAnswer) => {
  if (fingerprint === undefined) return 'no answer';
  return status === undefined ? `certificate ${fingerprint.slice(0, 11)}…` : `${status}, ${fingerprint.slice(0, 11)}…`;
};

export const nginx = {
  byHand: 'What could be written by hand instead (then: sudo nginx -t && sudo nginx -s reload, and run this again):',
  edit: (what: string) => `change ${what}`,
  restore: (what: string) => `take our lines out of ${what}`,
  touched: 'changed by others since; their changes stay',
  testFailed: (said: readonly string[]) => `nginx refuses what was written: ${said.join('; ')}`,
  reloadFailed: (said: readonly string[]) =>
    said.length > 0
      ? `nginx goes on with its old configuration: ${said.join('; ')}`
      : 'nginx was told to reload, but no new workers took over in time',
  reloadRemedy: {
    denied:
      'SELinux keeps nginx from that port: sudo semanage port -a -t http_port_t -p tcp PORT, or choose others with --sites-port',
    busy: 'another program has that port: choose another one with --sites-port',
    other: 'its log says more: sudo journalctl -u nginx, /var/log/nginx/error.log',
  },
  sitesChanged: (count: number) =>
    count === 1 ? 'a website does not answer as before' : `${count} websites do not answer as before`,
  sitesRemedy:
    'if its files were changed since nginx read them: sudo nginx -s reload, look at the sites, and run this again',
  siteChanged: (name: string | undefined, address: string, before: SiteAnswer, after: SiteAnswer) =>
    `${name ?? 'without a name'} (${address}): before ${answer(before)}; now ${answer(after)}`,
};
