/** What of an existing derper a new relay can go on with, so that its clients notice nothing. */
import type { Verification } from '../../deploy/verification.ts';
import type { HomePage } from '../../relay/config.ts';
import { type ClientRate, effectiveRate } from '../../relay/limits/client-rate.ts';
import { loadClientRate } from '../../relay/limits/client-rate-file.ts';
import { RelayStartError } from '../../relay/start-error.ts';
import { parseHost } from '../answers/values.ts';
import { type CertificateGapCode, type FoundCertificate, findCertificate } from './certificate.ts';
import { hostPlaceOf } from './derper-files.ts';
import type { ExistingDerper } from './existing.ts';
import { hostPortsOf, type PortGap, type PortPart } from './host-ports.ts';
import { type FoundKey, findRelayKey, type KeyGapCode } from './relay-key.ts';
import { findScheduledDerper, type ScheduledDerper } from './schedule.ts';
import { type DerperSettings, readDerperSettings } from './settings.ts';

/** Something that cannot be taken over, and why. */
export type TakeOverGap =
  | { part: 'host'; code: 'not-a-host' | 'placeholder'; value: string }
  | { part: 'relay-key'; code: KeyGapCode; path: string | undefined }
  /** `no-host`: without a host nobody can say whether the certificate is for it. */
  | { part: 'certificate'; code: CertificateGapCode | 'no-host'; path: string | undefined }
  | ({ part: 'port' } & PortGap)
  /** `in-container`: the file is in the container alone. */
  | { part: 'mesh-key'; code: 'in-container'; path: string }
  /** `fails-closed`: derper lets clients in when the URL does not answer; this relay does not. */
  | { part: 'verify'; code: 'fails-closed'; url: string };

/** What can be taken over. Secrets are behind functions; all else may be shown. */
export interface TakeOver {
  /** What clients dial. */
  host: string | undefined;
  /** On the host; -1 for one that is switched off, or that the host does not pass on. */
  ports: Partial<Record<PortPart, number>>;
  /** The one address that derper listens on; null for all. */
  address: string | null;
  /** Whether derper itself speaks TLS; otherwise something in front of it does. */
  tls: boolean;
  relayKey: FoundKey | undefined;
  certificate: FoundCertificate | undefined;
  /** Derper's own mode: `manual`, `letsencrypt` or `gcp`. */
  certMode: string;
  email: string | undefined;
  verify: Verification;
  /** The mesh key's file on the host, and the relays that derper joins. */
  mesh: { keyFile: string | undefined; with: string[] } | undefined;
  home: HomePage;
  /** What one client may send. */
  clientRate: ClientRate | undefined;
  /** Flags that derper was given and that come to nothing. */
  notCarriedOver: string[];
  gaps: TakeOverGap[];
  /** Entries of cron that would start derper again. */
  scheduled: ScheduledDerper[];
}

/** Names that stand in examples and defaults; nobody dials them. */
const PLACEHOLDERS = new Set(['derp.tailscale.com', 'your-hostname.com', 'localhost', '127.0.0.1', '::1']);

function findHost(hostname: string): { host: string } | { gap: TakeOverGap } {
  const parsed = parseHost(hostname);
  if (!parsed.ok) return { gap: { part: 'host', code: 'not-a-host', value: hostname } };
  if (PLACEHOLDERS.has(parsed.value)) return { gap: { part: 'host', code: 'placeholder', value: parsed.value } };
  return { host: parsed.value };
}

/** Derper can ask tailscaled and a URL for each client; this relay asks one of them, and tailscaled is the stricter. */
function verificationOf(derper: ExistingDerper, { verifyClients, verifyUrl, socket }: DerperSettings): Verification {
  if (verifyClients) {
    const place = socket === undefined ? undefined : hostPlaceOf(derper, socket);
    return { kind: 'tailscaled', ...(place !== undefined && { socket: place }) };
  }
  return verifyUrl === undefined ? { kind: 'none' } : { kind: 'url', url: verifyUrl };
}

/** The rate in derper's file; `read` is false when there is a file that cannot be used. */
async function findClientRate(
  derper: ExistingDerper,
  { rateFile }: DerperSettings,
): Promise<{ read: boolean; rate?: ClientRate }> {
  if (rateFile === undefined) return { read: true };
  const place = hostPlaceOf(derper, rateFile);
  if (place === undefined) return { read: false };
  try {
    const rate = await loadClientRate(place);
    return { read: true, ...(rate && { rate: effectiveRate(rate) }) };
  } catch (error) {
    if (error instanceof RelayStartError) return { read: false };
    throw error;
  }
}

function lostFlags(settings: DerperSettings, verify: Verification, hasRate: boolean): string[] {
  const lost = [...settings.others];
  if (!hasRate) lost.push('-rate-config');
  if (settings.verifyUrl !== undefined && verify.kind !== 'url') lost.push('-verify-client-url');
  // In a container's own file system there is nothing to ask.
  const keptSocket = verify.kind === 'tailscaled' && verify.socket !== undefined;
  if (settings.verifyClients && settings.socket !== undefined && !keptSocket) lost.push('-socket');
  return lost.sort();
}

/** Looks at everything that can be taken over; changes nothing. */
export async function takeOver(derper: ExistingDerper, now = new Date()): Promise<TakeOver> {
  const settings = readDerperSettings(derper);
  const gaps: TakeOverGap[] = [];
  const found = findHost(settings.hostname);
  const host = 'host' in found ? found.host : undefined;
  if ('gap' in found) gaps.push(found.gap);

  const { ports, address, gaps: portGaps } = hostPortsOf(derper, settings);
  gaps.push(...portGaps.map((gap): TakeOverGap => ({ part: 'port', ...gap })));

  const key = await findRelayKey(derper, settings);
  if (!key.ok) gaps.push({ part: 'relay-key', code: key.code, path: key.path });

  const certificate =
    host === undefined
      ? { ok: false as const, code: 'no-host' as const, path: undefined }
      : await findCertificate(derper, settings, host, now);
  if (!certificate.ok) gaps.push({ part: 'certificate', code: certificate.code, path: certificate.path });

  const verify = verificationOf(derper, settings);
  if (verify.kind === 'url' && settings.failOpen) gaps.push({ part: 'verify', code: 'fails-closed', url: verify.url });

  const { rate, read: hasRate } = await findClientRate(derper, settings);

  const { meshKeyFile, meshWith } = settings;
  const meshKeyPlace = meshKeyFile === undefined ? undefined : hostPlaceOf(derper, meshKeyFile);
  if (meshKeyFile !== undefined && meshKeyPlace === undefined) {
    gaps.push({ part: 'mesh-key', code: 'in-container', path: meshKeyFile });
  }

  return {
    host,
    ports,
    address,
    tls: settings.tls,
    relayKey: key.ok ? key.key : undefined,
    certificate: certificate.ok ? certificate.certificate : undefined,
    certMode: settings.certMode,
    email: settings.email,
    verify,
    mesh: meshKeyFile === undefined && meshWith.length === 0 ? undefined : { keyFile: meshKeyPlace, with: meshWith },
    home: settings.home,
    clientRate: rate,
    notCarriedOver: lostFlags(settings, verify, hasRate),
    gaps,
    scheduled: await findScheduledDerper(),
  };
}
