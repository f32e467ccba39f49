/** What websites answer on a shared port: certificate and status, before a change and after it. */
import { request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { SiteCheck } from '../../deploy/nginx/sites.ts';

/** The answer of a site; undefined in both: none at all. */
export interface SiteAnswer {
  fingerprint: string | undefined;
  status: number | undefined;
  /** The certificate is one for the site's name. */
  fits?: boolean;
}

/** A site that does not answer as it did. */
export interface ChangedSite {
  site: SiteCheck;
  before: SiteAnswer;
  after: SiteAnswer;
}

/** Sites that answered before do not answer as they did. */
export class SitesError extends Error {
  override readonly name = 'SitesError';
  readonly changed: readonly ChangedSite[];

  constructor(changed: readonly ChangedSite[]) {
    super(`${changed.length} sites do not answer as before`);
    this.changed = changed;
  }
}

const TIMEOUT_MS = 5000;
/** New workers may take a moment, and a site's own server may be slow. */
const PATIENCE_MS = 15_000;
const PAUSE_MS = 300;
/** So many are asked at once. */
const AT_ONCE = 8;
/** What a server says when what is behind it fails: that comes and goes by itself. */
const FIRST_SERVER_ERROR = 500;

/** Asks one site, as a browser would that trusts everybody. */
export function askSite({ name, address, port }: SiteCheck, signal?: AbortSignal): Promise<SiteAnswer> {
  return new Promise((resolve) => {
    let certificate: Pick<SiteAnswer, 'fingerprint' | 'fits'> = { fingerprint: undefined };
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const asked = request(
      {
        host: address,
        port,
        // Empty: without a name.
        servername: name ?? '',
        headers: { host: name ?? 'localhost', 'user-agent': 'derp-setup' },
        path: '/',
        rejectUnauthorized: false,
        agent: false,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      },
      (answer) => {
        answer.destroy();
        resolve({ ...certificate, status: answer.statusCode });
      },
    );
    asked.on('socket', (socket) =>
      socket.once('secureConnect', () => {
        const shown = (socket as TLSSocket).getPeerX509Certificate();
        const fits = name !== undefined && shown?.checkHost(name) !== undefined;
        certificate = { fingerprint: shown?.fingerprint256, fits };
      }),
    );
    asked.on('error', () => resolve({ ...certificate, status: undefined }));
    asked.end();
  });
}

/** Asks all sites, some at a time. */
export async function askSites(sites: readonly SiteCheck[], signal?: AbortSignal): Promise<SiteAnswer[]> {
  const answers: SiteAnswer[] = [];
  for (let at = 0; at < sites.length; at += AT_ONCE) {
    signal?.throwIfAborted();
    answers.push(...(await Promise.all(sites.slice(at, at + AT_ONCE).map((site) => askSite(site, signal)))));
  }
  return answers;
}

/**
 * Whether a site answers as before; true where it did not answer well then. Where another site answered in its place, as
 * for one that nginx has not read of yet, any answer will do.
 */
export function answersAsBefore({ name, isNew }: SiteCheck, before: SiteAnswer, after: SiteAnswer): boolean {
  if (before.fingerprint === undefined) return true;
  if (isNew) return after.fingerprint !== undefined;
  if (before.fingerprint !== after.fingerprint) {
    return name !== undefined && before.fits === false && after.fingerprint !== undefined;
  }
  const { status } = before;
  return status === undefined || status >= FIRST_SERVER_ERROR || status === after.status;
}

/** Resolves when every site answers as before. @throws SitesError when that does not come to be */
export async function waitForSites(
  sites: readonly SiteCheck[],
  before: readonly SiteAnswer[],
  signal?: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const after = await askSites(sites, signal);
    const changed = sites.flatMap((site, i): ChangedSite[] =>
      answersAsBefore(site, before[i]!, after[i]!) ? [] : [{ site, before: before[i]!, after: after[i]! }],
    );
    if (changed.length === 0) return;
    if (Date.now() > deadline) throw new SitesError(changed);
    await delay(PAUSE_MS, undefined, signal && { signal });
  }
}
