/** Has somebody else answer challenges who serves a folder: the running relay. */
import { join } from 'node:path';
import { setEntryMode, setEntryOwner } from '../../system/file-access.ts';
import { ensureDirectory, type Ids, removeFile, writeFileAtomic } from '../../system/files.ts';
import { challengeServerName } from './identifier.ts';
import { CHALLENGE_PATH, type Challenge, isToken, type Responder } from './responder.ts';

/** The folder's parts: the files of plain HTTP by their paths, and the certificates by server name. */
const WEBROOT = 'webroot';
const ALPN = 'alpn';

const DIRECTORY_MODE = 0o750;
const FILE_MODE = 0o640;

/** Where the answer to a challenge is put in the folder. */
export function challengeFile(folder: string, challenge: Challenge): string {
  if (challenge.type === 'http-01') return join(folder, WEBROOT, CHALLENGE_PATH, challenge.token);
  return join(folder, ALPN, `${challengeServerName(challenge.host)}.pem`);
}

/** Every directory between the folder and the file, the outermost first. */
function directoriesFor(folder: string, challenge: Challenge): string[] {
  if (challenge.type === 'tls-alpn-01') return [join(folder, ALPN)];
  const [first, second] = CHALLENGE_PATH.split('/').filter((part) => part !== '') as [string, string];
  const webroot = join(folder, WEBROOT);
  return [webroot, join(webroot, first), join(webroot, first, second)];
}

/**
 * A responder that writes into `folder`, readable for `owner` (root, and the group that the relay runs as; whoever runs
 * this when absent).
 */
export function createFolderResponder(folder: string, owner: Ids | undefined): Responder {
  return {
    present: async (challenge) => {
      if (challenge.type === 'http-01' && !isToken(challenge.token)) throw new RangeError('this is no token');
      for (const directory of directoriesFor(folder, challenge)) {
        if ((await ensureDirectory(directory, DIRECTORY_MODE)) === undefined) continue;
        await setEntryMode(directory, DIRECTORY_MODE);
        if (owner !== undefined) await setEntryOwner(directory, owner);
      }
      const file = challengeFile(folder, challenge);
      const content =
        challenge.type === 'http-01' ? challenge.keyAuthorization : challenge.pair.certPem + challenge.pair.keyPem;
      await writeFileAtomic(file, content, { mode: FILE_MODE, owner });
      return () => removeFile(file).catch(() => {});
    },
  };
}
