import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { directoryStep, publicFileStep, type Step, secretFileStep } from '../../src/deploy/steps.ts';
import type { Check, ProbeOptions } from '../../src/probe/check.ts';
import type { Relay } from '../../src/relay/relay.ts';
import { RelayStartError } from '../../src/relay/start-error.ts';
import { ApplyError, applySteps } from '../../src/setup/apply.ts';
import { type ForegroundParts, runForeground } from '../../src/setup/foreground.ts';
import { type Prepared, prepareForeground } from '../../src/setup/prepare.ts';
import { FileError } from '../../src/system/files.ts';
import { temporaryDirectory, treeOf } from '../temporary.ts';

let root: string;
beforeEach(() => {
  root = temporaryDirectory();
});
const at = (path: string) => join(root, path);
const never = new AbortController().signal;

describe('applySteps', () => {
  const steps = (): Step[] => [
    directoryStep(at('etc/x')),
    directoryStep(at('var'), 0o700),
    secretFileStep('relay-key', at('var/key'), 'secret'),
    publicFileStep('config', at('etc/x/config'), 'new'),
  ];

  it('does what the steps say', async () => {
    const { written } = await applySteps(steps(), never);
    expect(written.map(({ path }) => path)).toEqual([at('var/key'), at('etc/x/config')]);
    expect(statSync(at('var')).mode & 0o777).toBe(0o700);
    expect(statSync(at('var/key')).mode & 0o777).toBe(0o600);
  });

  it('does nothing where all is as described', async () => {
    await applySteps(steps(), never);
    const before = treeOf(root);
    const { written } = await applySteps(steps(), never);
    expect(written).toEqual([]);
    expect(treeOf(root)).toEqual(before);
  });

  it('mends a mode without rewriting the file', async () => {
    await applySteps(steps(), never);
    chmodSync(at('var/key'), 0o644);
    const { written, undo } = await applySteps(steps(), never);
    expect(written.map(({ path }) => path)).toEqual([at('var/key')]);
    expect(statSync(at('var/key')).mode & 0o777).toBe(0o600);
    await undo();
    expect(statSync(at('var/key')).mode & 0o777).toBe(0o644);
  });

  it('is taken back to the byte: new files and directories gone, replaced ones restored', async () => {
    mkdirSync(at('etc'));
    mkdirSync(at('var'));
    writeFileSync(at('var/key'), 'old', { mode: 0o640 });
    const before = treeOf(root);
    const { undo } = await applySteps(steps(), never);
    expect(treeOf(root)).not.toEqual(before);
    expect(await undo()).toEqual([]);
    expect(treeOf(root)).toEqual(before);
    expect(await undo()).toEqual([]);
  });

  it('leaves what somebody else put into a directory it made', async () => {
    const { undo } = await applySteps(steps(), never);
    writeFileSync(at('etc/x/other'), '');
    await undo();
    expect(Object.keys(treeOf(root))).toEqual(['etc', 'etc/x', 'etc/x/other']);
  });

  it('takes the first steps back when a later one fails', async () => {
    writeFileSync(at('file'), '');
    const before = treeOf(root);
    const failing = applySteps([...steps(), directoryStep(at('file/below'))], never);
    await expect(failing).rejects.toSatisfy((error) => error instanceof ApplyError && error.cause instanceof FileError);
    expect(treeOf(root)).toEqual(before);
  });

  it('takes them back when it is interrupted between any two', async () => {
    const all = steps();
    for (let after = 0; after < all.length; after++) {
      let left = after;
      // Counts how often it is asked, which is once before each step.
      const signal = {
        throwIfAborted: () => {
          if (left-- === 0) throw new Error('interrupted');
        },
      } as AbortSignal;
      await expect(applySteps(all, signal)).rejects.toThrow('interrupted');
      expect(treeOf(root), `after ${after} steps`).toEqual({});
    }
  });
});

describe('runForeground', () => {
  const facts = { addresses: [], suggestedHost: '203.0.113.7' };
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
      root: at('state'),
      logLevel: 'silent',
      now: new Date(),
      facts,
    } as const;
    const result = await prepareForeground(input);
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
