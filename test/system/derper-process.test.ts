import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, linkSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findDerpers } from '../../src/setup/derper/find.ts';
import {
  derperProcesses,
  isDerperProgram,
  parseEffectiveUser,
  parseEnvironment,
  splitZeroEnded,
} from '../../src/system/derper-process.ts';
import { temporaryDirectory } from '../temporary.ts';

describe('isDerperProgram', () => {
  it.each(['derper', '/app/derper', './derper', 'derper-linux-amd64', 'derper_1.80.0', 'derper-v1.96', 'DERPER'])(
    'knows %s',
    (path) => {
      expect(isDerperProgram(path)).toBe(true);
    },
  );
  it.each(['', 'derp', 'derperer', 'derper.service', '/opt/derper/x', 'xdpderper', 'derper.sh', 'derpprobe'])(
    'takes %j for something else',
    (path) => {
      expect(isDerperProgram(path)).toBe(false);
    },
  );
});

describe('the texts of /proc', () => {
  it('are strings with a zero after each', () => {
    expect(splitZeroEnded('a\0\0b c\0')).toEqual(['a', '', 'b c']);
    expect(splitZeroEnded('a')).toEqual(['a']);
    expect(splitZeroEnded('')).toEqual([]);
    expect(parseEnvironment('A=1\0B=x=y\0nonsense\0=z\0C=\0')).toEqual({ A: '1', B: 'x=y', C: '' });
  });

  it('tell the effective user', () => {
    expect(parseEffectiveUser('Name:\tderper\nUid:\t1000\t0\t1000\t1000\nGid:\t1\t2\t3\t4\n')).toBe(0);
    expect(parseEffectiveUser('')).toBeUndefined();
  });
});

// Processes that are called derper but are Node: what /proc says of them is what it would say of derper.
describe.skipIf(process.platform !== 'linux')('derperProcesses', () => {
  const started: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of started.splice(0)) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });

  /** Starts a program that says when it runs and then waits. */
  async function start(program: string, argv0: string, cwd: string, args: readonly string[]): Promise<ChildProcess> {
    const script = join(cwd, 'wait.mjs');
    writeFileSync(script, "process.stdout.write('ready');setInterval(() => {}, 60_000);");
    const env = { HOME: '/home/me', DERP_DOMAIN: 'derp.example.com', DERP_MESH_KEY: 'secret' };
    const child = spawn(program, [script, ...args], { argv0, cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
    started.push(child);
    await once(child.stdout!, 'data');
    return child;
  }

  it('finds one by the name that it was started by', async () => {
    const cwd = realpathSync(temporaryDirectory());
    const { pid } = await start(process.execPath, '/app/derper', cwd, ['-a', ':8443', '-home', '']);
    const found = (await derperProcesses()).find((candidate) => candidate.pid === pid);
    expect(found).toMatchObject({
      commandLine: ['/app/derper', join(cwd, 'wait.mjs'), '-a', ':8443', '-home', ''],
      workingDirectory: cwd,
      environment: { HOME: '/home/me', DERP_DOMAIN: 'derp.example.com' },
      uid: process.geteuid!(),
    });
    expect(found!.cgroup).toMatch(/^\d+:/);
  });

  it('finds one by its program, whatever it calls itself, until it ends', async () => {
    const cwd = realpathSync(temporaryDirectory());
    const program = join(cwd, 'derper');
    try {
      linkSync(realpathSync(process.execPath), program);
    } catch {
      // On another file system, or not this user's to link.
      copyFileSync(process.execPath, program);
    }
    const child = await start(program, 'relay', cwd, []);
    const pids = async () => (await derperProcesses()).map(({ pid }) => pid);
    expect(await pids()).toContain(child.pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await pids()).not.toContain(child.pid);
  });

  it('is where derpers are found that nothing manages', async () => {
    const cwd = realpathSync(temporaryDirectory());
    const { pid } = await start(process.execPath, 'derper', cwd, ['-a', ':8443']);
    const found = (await findDerpers()).find((derper) => derper.kind === 'process' && derper.pid === pid);
    expect(found).toMatchObject({
      commandLine: ['derper', join(cwd, 'wait.mjs'), '-a', ':8443'],
      workingDirectory: cwd,
      environment: { HOME: '/home/me', DERP_DOMAIN: 'derp.example.com' },
      runsAsRoot: process.geteuid!() === 0,
    });
    expect(found!.environment).not.toHaveProperty('DERP_MESH_KEY');
  });
});
