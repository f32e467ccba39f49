import type { AcmeConnection } from './connection.ts';
import { type AcmeDirectory, parseDirectory } from './directory.ts';
import { AcmeError, errorOfProblem, parseProblem, parseRetryAfter } from './failure.ts';

/** A directory, and the authority's clock. */
export interface FetchedDirectory {
  directory: AcmeDirectory;
  /** Its clock less ours, milliseconds; undefined where it does not tell the time. */
  clockAheadMs: number | undefined;
}

/** Asks an authority for its directory. @throws AcmeError */
export async function fetchDirectory(url: string, connection: AcmeConnection): Promise<FetchedDirectory> {
  const began = Date.now();
  const { status, headers, body } = await connection.send({ method: 'GET', url, stage: 'directory' });
  const now = new Date();
  if (status !== 200) {
    const retryAt = parseRetryAfter(headers['retry-after'], now);
    if (status === 404 || status < 400)
      throw new AcmeError('not-a-directory', `HTTP ${status}`, { stage: 'directory' });
    throw errorOfProblem(parseProblem(body), { status, stage: 'directory', retryAt });
  }
  const directory = parseDirectory(body);
  if (directory === undefined) throw new AcmeError('not-a-directory', url, { stage: 'directory' });
  const told = Date.parse(headers.date ?? '');
  const halfway = (began + now.getTime()) / 2;
  return { directory, clockAheadMs: Number.isNaN(told) ? undefined : told - halfway };
}
