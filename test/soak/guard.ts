/** Lists of addresses and a rate for clients, in files of their own, so that faults can strike at them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RelayConfig } from '../../src/relay/config.ts';

/** What attackers know of it. */
export interface Guard {
  /** Connections from this address of loopback begin with a PROXY header: by it strangers come from anywhere. */
  readonly balancer: string;
  /** Addresses that are let in beside loopback; nobody until somebody writes it. */
  readonly listFile: string;
  /** What one client may send. */
  readonly rate: { readonly bytesPerSecond: number; readonly burstBytes: number };
}

/** Enough for the other faults to be themselves. */
const rate = { bytesPerSecond: 8_000_000, burstBytes: 1_000_000 };

/** The files, and what a relay must be told of them. */
export async function makeGuard(): Promise<
  AsyncDisposable & {
    guard: Guard;
    settings: Pick<RelayConfig, 'allowCidr' | 'proxyProtocolFrom' | 'clientRateFile'>;
  }
> {
  const folder = await mkdtemp(join(tmpdir(), 'derp-relay-guard-'));
  const [listFile, clientRateFile] = [join(folder, 'list.txt'), join(folder, 'rate.json')];
  await writeFile(listFile, '# nobody yet\n');
  const { bytesPerSecond, burstBytes } = rate;
  const json = { PerClientRateLimitBytesPerSec: bytesPerSecond, PerClientRateBurstBytes: burstBytes };
  await writeFile(clientRateFile, JSON.stringify(json));
  const balancer = '127.0.0.9';
  return {
    guard: { balancer, listFile, rate },
    settings: {
      allowCidr: { ranges: ['127.0.0.0/8'], files: [listFile] },
      proxyProtocolFrom: [balancer],
      clientRateFile,
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
