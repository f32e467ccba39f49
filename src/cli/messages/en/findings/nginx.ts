/** What the doctor says of the nginx that shares its port with the relay. */
import { SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';

export const nginx = {
  'nginx-runs': ({ version, port }) => ({
    text: `nginx ${version} has port ${port}, and passes clients on to the relay`,
  }),
  'nginx-missing': ({ port }) => ({
    text: `the relay shares port ${port} with nginx, which is not here any more`,
    remedy: `install nginx again, or give the relay the port: ${SETUP_AGAIN} --deploy systemd`,
  }),
  'nginx-stopped': () => ({
    text: 'nginx does not run, by which clients come to the relay',
    remedy: 'sudo systemctl start nginx; if it does not start: sudo nginx -t, sudo journalctl -u nginx -n 50',
  }),
  'nginx-broken': ({ said }) => ({
    text: `nginx refuses its configuration as it is now, and would not start again: ${said.slice(0, 3).join('; ')}`,
    remedy: 'mend what it names, then: sudo nginx -t && sudo nginx -s reload',
  }),
  'nginx-route-gone': ({ port, relayPort }) => ({
    text: `nginx has nothing on port ${port} that leads to the relay at 127.0.0.1:${relayPort} any more`,
    remedy: `write it anew: ${SETUP_AGAIN}`,
  }),
  'nginx-site-on-port': ({ port, file, line }) => ({
    text: `a site listens on port ${port} itself (${file}:${line}), which the relay's stream server has: nginx cannot reload or start so`,
    remedy: `move it behind the stream server like the others: ${SETUP_AGAIN}`,
  }),
} satisfies Partial<FindingMessages>;
