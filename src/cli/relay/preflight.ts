/** Everything that would keep the relay from starting, found before anything is written. */
import { isIP } from 'node:net';
import { ProtocolError } from '../../protocol/errors.ts';
import { parseKeyFile } from '../../protocol/keys.ts';
import { loadAddressRules } from '../../relay/admission/address-rules.ts';
import { loadKeyList } from '../../relay/admission/key-list.ts';
import { loadCertificate } from '../../relay/certificate.ts';
import { type CertificateFiles, hostOf, type RelayConfig } from '../../relay/config.ts';
import { loadClientRate } from '../../relay/limits/client-rate-file.ts';
import { RelayStartError } from '../../relay/start-error.ts';
import { OFF } from '../../setup/answers/values.ts';
import { coversHost } from '../../setup/certificate/pair.ts';
import type { RelayProblem } from '../../setup/derper-flags/go-flags.ts';
import { FileError, kindOf, readTextIfPresent } from '../../system/files.ts';
import { portOwner } from '../../system/port-owner.ts';
import { type PortProtocol, type PortState, portState } from '../../system/ports.ts';

/** Who has a port, in words. */
export async function describeOwner(protocol: PortProtocol, port: number): Promise<string> {
  const owner = await portOwner(protocol, port);
  if (owner?.pid !== undefined) return `${owner.name} (pid ${owner.pid})`;
  return owner?.user === undefined ? 'another program' : `a process of user ${owner.user}`;
}

async function checkPort(protocol: PortProtocol, port: number, host: string | null): Promise<RelayProblem[]> {
  if (port === OFF) return [];
  // A name to listen on, or an address that is not this machine's, is for the relay itself to judge.
  const address = host !== null && isIP(host) === 0 ? null : host;
  const state = await portState(protocol, port, address).catch((): PortState => 'free');
  const subject = `cannot listen on ${port}/${protocol}:`;
  switch (state) {
    case 'free':
      return [];
    case 'busy':
      return [{ subject, message: `in use by ${await describeOwner(protocol, port)}` }];
    case 'denied':
      return [{ subject, message: 'permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE)' }];
  }
}

async function checkKeyFile(path: string): Promise<RelayProblem[]> {
  try {
    const text = await readTextIfPresent(path);
    if (text !== undefined) parseKeyFile(text);
    return [];
  } catch (error) {
    if (error instanceof FileError) return [{ subject: path, message: `cannot be read: ${error.reason}` }];
    if (!(error instanceof ProtocolError)) throw error;
    const wayOut = 'restore it from a backup, or move it away to get a new key';
    return [{ subject: path, message: `is damaged: ${error.message}; ${wayOut}` }];
  }
}

/** Whether derper would make this certificate itself: its host is an IP address, and there are no files. */
export async function isToBeMade({ certFile, keyFile }: CertificateFiles, hostname: string): Promise<boolean> {
  if (isIP(hostname) === 0) return false;
  const kinds = await Promise.all([certFile, keyFile].map((path) => kindOf(path).catch(() => 'file')));
  return kinds.every((kind) => kind === 'missing');
}

async function checkCertificate({ certificate, hostname }: RelayConfig): Promise<RelayProblem[]> {
  if (certificate === null || (await isToBeMade(certificate, hostname))) return [];
  try {
    const { leaf } = await loadCertificate(certificate);
    if (coversHost(leaf, hostname)) return [];
    const names = leaf.subjectAltName ?? 'no name at all';
    return [{ subject: certificate.certFile, message: `is not for ${hostname}, but for ${names}` }];
  } catch (error) {
    if (error instanceof RelayStartError) return [{ subject: 'certificate:', message: error.message }];
    throw error;
  }
}

/** Reads a file as the relay would, if there is one. */
async function checkFile(
  what: string,
  path: string | null | undefined,
  load: (path: string) => Promise<unknown>,
): Promise<RelayProblem[]> {
  if (path === null || path === undefined) return [];
  try {
    await load(path);
    return [];
  } catch (error) {
    if (error instanceof RelayStartError) return [{ subject: `${what}:`, message: error.message }];
    throw error;
  }
}

async function checkAddressLists(config: RelayConfig): Promise<RelayProblem[]> {
  try {
    await loadAddressRules(config);
    return [];
  } catch (error) {
    if (error instanceof RelayStartError) return [{ subject: 'address list:', message: error.message }];
    throw error;
  }
}

/** All problems with a configuration on this machine. `ownKey` false: the key file will be a new one; `ordered`: the certificate will be. */
export async function preflight(config: RelayConfig, { ownKey = true, ordered = false } = {}): Promise<RelayProblem[]> {
  const { listen, httpPort, stunPort } = config;
  const problems = await Promise.all([
    checkPort('tcp', listen.port, listen.host),
    checkPort('tcp', httpPort, hostOf(config, config.httpHost)),
    checkPort('udp', stunPort, hostOf(config, config.stunHost)),
    ownKey ? checkKeyFile(config.keyFile) : [],
    ordered ? [] : checkCertificate(config),
    checkFile('key file', config.admission?.keyFile, loadKeyList),
    checkFile('rate file', config.clientRateFile, loadClientRate),
    checkAddressLists(config),
  ]);
  return problems.flat();
}
