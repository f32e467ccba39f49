/** What people are told of the nginx of this machine before they choose. */
import { readConfiguration } from '../../deploy/nginx/configuration.ts';
import { NginxSyntaxError } from '../../deploy/nginx/directives.ts';
import { takesTcpPort } from '../../deploy/nginx/listen.ts';
import { serversOf } from '../../deploy/nginx/servers.ts';
import { buildObstacles } from '../../deploy/nginx/suitability.ts';
import { lookAtNginx } from './gather.ts';

/** The port that websites are served on. */
const SITES_PORT = 443;

/** An nginx that is installed. */
export interface NginxFacts {
  version: string;
  /** The names of its sites with TLS, wherever it finds them itself. */
  sites: readonly string[];
  /** Why it cannot share its port: its configuration is refused or not understood, it does not run, modules, no site. */
  lacks?: 'configuration' | 'running' | 'modules' | 'sites';
}

/** The nginx of this machine; undefined when there is none. */
export async function findNginxFacts(osId: string): Promise<NginxFacts | undefined> {
  const look = await lookAtNginx(undefined, []);
  if ('code' in look)
    return look.code === 'nginx-missing' ? undefined : { version: '', sites: [], lacks: 'configuration' };
  const { build, files, processes } = look;
  const { version } = build;
  try {
    const configuration = readConfiguration(files);
    const servers = serversOf(configuration);
    const withTls = servers.filter(({ kind, listens }) =>
      listens.some((listen) => kind === 'http' && listen.options.includes('ssl')),
    );
    const sites = [
      ...new Set(withTls.flatMap(({ names }) => names.filter((name) => /^[a-z0-9.-]+\.[a-z]/.test(name)))),
    ];
    const isServed = servers.some(({ listens }) => listens.some((listen) => takesTcpPort(listen, SITES_PORT)));
    const isLacking = buildObstacles(build, configuration, osId).length > 0;
    const lacks = isLacking ? 'modules' : processes === undefined ? 'running' : isServed ? undefined : 'sites';
    return { version, sites, ...(lacks && { lacks }) };
  } catch (error) {
    if (!(error instanceof NginxSyntaxError)) throw error;
    return { version, sites: [], lacks: 'configuration' };
  }
}
