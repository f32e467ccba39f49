import type { EndTlsObstacle } from '../../../deploy/nginx/https-port.ts';
import type { FrontObstacle } from '../../../setup/nginx/http-front.ts';

/** Why nginx cannot hand a port on, as what follows "nginx …". */
export function nginxCannot(obstacle: FrontObstacle | EndTlsObstacle): { why: string; remedy?: string } {
  switch (obstacle.reason) {
    case 'no-include':
      return {
        why: 'reads no files of a folder in its http block, so that nothing can be added beside what is there',
        remedy: 'add  include /etc/nginx/conf.d/*.conf;  to the http block of nginx.conf',
      };
    case 'no-default':
      return {
        why: 'names no default site there, and would take ours for it',
        remedy: 'write default_server into the listen of the site that visitors without a name should get',
      };
    case 'same-name':
      return {
        why: `serves a site of the same name already (${obstacle.file})`,
        remedy: 'give the relay a name of its own',
      };
    case 'not-public':
      return { why: 'listens there for this machine only' };
    case 'proxy-protocol':
      return { why: 'stands behind another proxy there (its listen says proxy_protocol)' };
    case 'no-name':
      return {
        why: 'has other sites there, and clients of an address name none: they would get another site',
        remedy: 'use --front stream, or a name as the host',
      };
    case 'no-tls':
      return { why: 'has sites there without TLS', remedy: 'choose another --derp-port' };
    case 'own-stream':
      return { why: 'has a stream server of your own there', remedy: 'use --front stream' };
    case 'not-ours-to-ask':
      return { why: "is not this system's own, but that of a container, say" };
    case 'unreadable':
      return { why: 'has a configuration that derp-setup does not understand' };
    case 'broken':
      return { why: `refuses its configuration as it is: ${obstacle.said}`, remedy: 'mend that first: nginx -t' };
  }
}
