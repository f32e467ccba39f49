import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Check, ProbeOptions } from '../../src/probe/check.ts';
import type { Relay } from '../../src/relay/relay.ts';
import { RelayStartError } from '../../src/relay/start-error.ts';
import { type ForegroundParts, runForeground } from '../../src/setup/foreground.ts';
import { type Prepared, prepareSetup } from '../../src/setup/prepare.ts';
import { temporaryDirectory, treeOf } from '../temporary.ts';
import { plainFacts } from './facts.ts';

let root: string;
beforeEach(() => {
  root = temporaryDirectory();
});
const at = (path: string) => join(root, path);
const never = new AbortController().signal;

describe('runForeground', () => {
  const check = (ok: boolean): Check => ({ id: 'tcp', ok, status: ok ? 'ok' : 'failed', detail: '' });
  let prepared: Prepared;
  let stopped: number;
  const relay: Relay = {
    ports: { derp: 8443, http: -1, stun: 3478 },
    publicKey: Buffer.alloc(32),
    snapshot: () => ({}),
    reload: async () => {},
    stop: async () => {
      stopped++;
    },
  };
  const parts = (checks: Check[], seen?: (options: ProbeOptions) => void): ForegroundParts => ({
    start: async () => relay,
    probe: async function* (options) {
      seen?.(options);
      yield* checks;
    },
  });

  beforeEach(async () => {
    stopped = 0;
    const input = {
      flags: {},
      environment: {},
      userRoot: at('state'),
      switches: { openFirewall: false, takeOver: false, overwrite: false, noStart: false },
      signal: never,
      logLevel: 'silent',
      now: new Date(),
      facts: plainFacts,
    } as const;
    const result = await prepareSetup(input);
    if (!result.ok) throw new Error('not prepared');
    prepared = result;
  });

  it('writes, starts, proves, and lets the relay run', async () => {
    const told: string[] = [];
    const probed: ProbeOptions[] = [];
    const running = await runForeground(
      prepared,
      never,
      {
        onApplied: ({ written }) => told.push(`${written.length} files`),
        onStarted: () => told.push('started'),
        onCheck: ({ id }) => told.push(id),
      },
      parts([check(true)], (options) => probed.push(options)),
    );
    expect(told).toEqual(['6 files', 'started', 'tcp']);
    expect(probed[0]).toMatchObject({ host: '203.0.113.7', pin: prepared.certificate.pin });
    expect(running).toMatchObject({ ok: true, checks: [{ id: 'tcp' }] });
    expect(stopped).toBe(0);
  });

  it('lets the relay run although a check failed', async () => {
    const { ok } = await runForeground(prepared, never, {}, parts([check(true), check(false)]));
    expect(ok).toBe(false);
    expect(stopped).toBe(0);
    expect(treeOf(at('state'))).not.toEqual({});
  });

  it('puts everything back when the relay cannot start', async () => {
    const reason = new RelayStartError('listen', 'taken in between', { errno: 'EADDRINUSE' });
    const start = async () => Promise.reject(reason);
    const run = runForeground(prepared, never, {}, { ...parts([]), start });
    await expect(run).rejects.toMatchObject({ cause: reason, interrupted: false, left: [] });
    expect(treeOf(root)).toEqual({});
  });

  it('puts everything back and stops the relay when it is interrupted during the proof', async () => {
    const controller = new AbortController();
    const probe = async function* () {
      yield check(true);
      controller.abort();
      yield check(true);
    };
    const run = runForeground(prepared, controller.signal, {}, { ...parts([]), probe });
    await expect(run).rejects.toMatchObject({ interrupted: true, left: [] });
    expect(stopped).toBe(1);
    expect(treeOf(root)).toEqual({});
  });
});
