/** Files of the installation: modes, owners, changes by hand, and the relay's own key. */

import { dirname } from 'node:path';
import { RELAY_USER } from '../../../deploy/layout.ts';
import { isAsWritten, type Manifest } from '../../../deploy/manifest.ts';
import { PRIVATE_DIRECTORY, PRIVATE_FILE, PUBLIC_FILE, SHARED_DIRECTORY } from '../../../deploy/steps.ts';
import { isInstalledTarget } from '../../../deploy/target.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { formatUntypedKey, parseKeyFile } from '../../../protocol/keys.ts';
import { FileError, readBytes, readTextIfPresent } from '../../../system/files.ts';
import { readOwnership, readRoom } from '../../../system/inspect.ts';
import { userName } from '../../../system/port-owner.ts';
import { findUser } from '../../../system/users.ts';
import { fileRule } from '../../answers/documents.ts';
import type { Problem } from '../../answers/problems.ts';
import { type Installed, readValue, whereabouts } from '../../status/installed.ts';
import type { DiskFact, FileFact } from '../facts.ts';

type Wanted = Pick<FileFact, 'path' | 'secret' | 'wantedMode' | 'wantedOwner'>;

const RELAY_OWNER = `${RELAY_USER}:${RELAY_USER}`;
const SHARED_OWNER = `root:${RELAY_USER}`;
const ROOT_OWNER = 'root:root';

/** What the installation gives to whom. */
function wantedFiles({ layout, relay }: Installed): Wanted[] {
  const wanted = (path: string, wantedMode: number, wantedOwner: string, secret = false): Wanted => ({
    path,
    secret,
    wantedMode,
    wantedOwner,
  });
  const certificate = readValue(relay)?.certificate;
  return [
    wanted(layout.stateDirectory, PRIVATE_DIRECTORY, RELAY_OWNER, true),
    wanted(layout.relayKey, PRIVATE_FILE, RELAY_OWNER, true),
    wanted(layout.proverKeys, PRIVATE_FILE, ROOT_OWNER, true),
    wanted(layout.certificateDirectory, SHARED_DIRECTORY, SHARED_OWNER),
    // Files elsewhere are somebody else's, who may have reasons for other modes.
    ...(certificate && dirname(certificate.certFile) === layout.certificateDirectory
      ? [
          wanted(certificate.keyFile, PRIVATE_FILE, RELAY_OWNER, true),
          wanted(certificate.certFile, PUBLIC_FILE, RELAY_OWNER),
        ]
      : []),
    ...[layout.config, layout.relayConfig, layout.manifest, layout.derpMap, layout.headscaleMap].map((path) =>
      wanted(path, PUBLIC_FILE, ROOT_OWNER),
    ),
  ];
}

async function nameOf(kind: 'passwd' | 'group', id: number): Promise<string> {
  return userName((await readTextIfPresent(`/etc/${kind}`).catch(() => '')) ?? '', id);
}

async function lookAt(wanted: Wanted): Promise<FileFact[]> {
  const found = await readOwnership(wanted.path).catch(() => undefined);
  if (found === undefined) return [];
  const [user, group] = await Promise.all([nameOf('passwd', found.uid), nameOf('group', found.gid)]);
  return [{ ...wanted, found: { mode: found.mode, owner: `${user}:${group}` } }];
}

/** Modes and owners of the files that are there, on a machine with the relay's user. */
export async function gatherFiles(installed: Installed): Promise<FileFact[]> {
  if (!installed.onMachine || !isInstalledTarget(installed.target)) return [];
  if ((await findUser(RELAY_USER)) === undefined) return [];
  return (await Promise.all(wantedFiles(installed).map(lookAt))).flat();
}

/** Meant to be changed by hand, or a record of its own. */
const MEANT_TO_CHANGE = ['config', 'manifest'];

/** Files that hold something else than what was written. Those that this user may not read are left out. */
export async function gatherEdited(manifest: Manifest | undefined): Promise<string[]> {
  const edited: string[] = [];
  for (const file of manifest?.files ?? []) {
    const { path, purpose, sha256 } = file;
    if (sha256 === undefined || MEANT_TO_CHANGE.includes(purpose)) continue;
    const data = await readBytes(path).catch(() => undefined);
    if (data !== undefined && !isAsWritten(file, data)) edited.push(path);
  }
  return edited;
}

/** The public half of the relay's key, 64 hex digits, or what is wrong with its file. */
export async function gatherKey(path: string): Promise<{ publicKey?: string; missing?: true; problem?: Problem }> {
  try {
    const text = await readTextIfPresent(path);
    return text === undefined ? { missing: true } : { publicKey: formatUntypedKey(parseKeyFile(text).publicKey) };
  } catch (error) {
    if (error instanceof ProtocolError) return { problem: { subject: path, rule: { code: 'bad-relay-key' } } };
    if (error instanceof FileError) return { problem: { subject: path, rule: fileRule(error) } };
    throw error;
  }
}

/** Room where files are written. */
export async function gatherDisks({ layout }: Installed): Promise<DiskFact[]> {
  const found: DiskFact[] = [];
  for (const path of [layout.configDirectory, layout.stateDirectory]) {
    const room = await readRoom(path).catch(() => undefined);
    // Most machines have one file system for both.
    if (room !== undefined && !found.some(({ freeBytes }) => freeBytes === room.freeBytes))
      found.push({ path, ...room });
  }
  return found;
}

/** The certificate's files, by what the relay is told, or where derper and this program keep them. */
export function certificateFiles(installed: Installed): { certFile: string; keyFile: string } | undefined {
  const told = readValue(installed.relay)?.certificate;
  if (told) return told;
  const given = readValue(installed.answers)?.given;
  if (given?.certFile && given.keyFile) return { certFile: given.certFile.value, keyFile: given.keyFile.value };
  const host = whereabouts(installed)?.host;
  if (host === undefined) return undefined;
  return { certFile: installed.layout.certificate(host), keyFile: installed.layout.certificateKey(host) };
}
