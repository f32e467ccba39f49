/** The Tailscale daemon of this machine, by its own interface on a unix socket. */
import { request } from 'node:http';

/** What tailscaled says of itself. */
export interface Tailscaled {
  /** Its socket. */
  socket: string;
  /** Absent when it did not answer, or not this user. */
  version?: string;
  /** `running`: in its tailnet; `needs-login`: nobody has logged it in, or an admin has yet to approve it. */
  state?: 'running' | 'needs-login' | 'stopped';
  tags?: string[];
  /** This machine's name in its tailnet, without the final dot. */
  name?: string;
}

/** Where packages put it, the newer place first; the second leads to the first on most systems. */
const SOCKETS = ['/run/tailscale/tailscaled.sock', '/var/run/tailscale/tailscaled.sock'];

const TIMEOUT_MS = 2_000;
/** The status without the peers has a few kilobytes. */
const MAX_BYTES = 1024 * 1024;

/** By ipn.State; the others are on the way from one of these to another. */
const STATES: Record<string, NonNullable<Tailscaled['state']>> = {
  Running: 'running',
  Starting: 'running',
  NeedsLogin: 'needs-login',
  NeedsMachineAuth: 'needs-login',
  NoState: 'stopped',
  Stopped: 'stopped',
  InUseOtherUser: 'stopped',
};

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** The answer of /localapi/v0/status, an ipnstate.Status. What is missing or of another type is left out. */
export function parseTailscaledStatus(text: string): Omit<Tailscaled, 'socket'> {
  let status: Record<string, unknown>;
  try {
    status = asRecord(JSON.parse(text));
  } catch {
    return {};
  }
  const self = asRecord(status.Self);
  const state = typeof status.BackendState === 'string' ? STATES[status.BackendState] : undefined;
  const tags = Array.isArray(self.Tags) ? self.Tags.filter((tag) => typeof tag === 'string') : [];
  const name = [self.DNSName, self.HostName].find((one): one is string => typeof one === 'string' && one !== '');
  return {
    ...(typeof status.Version === 'string' ? { version: status.Version.replace(/-.*$/, '') } : {}),
    ...(state ? { state } : {}),
    ...(tags.length > 0 ? { tags } : {}),
    ...(name ? { name: name.replace(/\.$/, '') } : {}),
  };
}

/** The body of an answer over its socket; `silent` when there is none in time, `absent` when nobody listens there. */
export function askTailscaled(socketPath: string, path: string): Promise<{ body: string } | 'silent' | 'absent'> {
  return new Promise((resolve) => {
    const headers = { Host: 'local-tailscaled.sock' };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const asked = request({ socketPath, path, headers, agent: false, signal }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
        if (text.length > MAX_BYTES) answer.destroy();
      });
      answer.on('error', () => resolve('silent'));
      answer.on('close', () => resolve(answer.complete && answer.statusCode === 200 ? { body: text } : 'silent'));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? 'absent' : 'silent');
    });
    asked.end();
  });
}

/**
 * Tailscale's daemon on this machine; undefined when it is not installed or does not run. One that does not answer, or
 * not this user, is told by its socket alone.
 */
export async function findTailscaled(sockets: readonly string[] = SOCKETS): Promise<Tailscaled | undefined> {
  for (const socket of sockets) {
    const answer = await askTailscaled(socket, '/localapi/v0/status?peers=false');
    if (answer !== 'absent') return { socket, ...(answer === 'silent' ? {} : parseTailscaledStatus(answer.body)) };
  }
  return undefined;
}
