/** Taking the place of a real derper in a container of its own, by a container of ours; and upgrading that. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeChain, type TestChain } from '../setup/certificate/authority.ts';
import { nameMachine, relayKeyOf } from '../vps/support/derper.ts';
import type { Machine } from '../vps/support/machine.ts';
import { packVersion } from '../vps/support/package.ts';
import { bootDockerMachine, CONTAINER, IMAGE, identity, inspect } from './support/engine.ts';

const host = 'derp.example.com';
const OLD = '0.0.9';

let machine: Machine;
let chain: TestChain;
let key: string;
/** What the relay is an upgrade from. */
let old: string;

beforeAll(async () => {
  chain = await makeChain({ type: 'dns', value: host });
  old = await packVersion(OLD);
  machine = await bootDockerMachine('compose-derper');
  await nameMachine(machine, host);
  await machine.writeFile(`/srv/derper/${host}.crt`, chain.leaf + chain.intermediate);
  await machine.writeFile(`/srv/derper/${host}.key`, chain.key, 0o600);
  // As the popular images run it.
  const derper = `/opt/tailscale/derper -c /data/derper.key -certdir /data -certmode manual -hostname ${host} -a :443`;
  const mounts = '--volume /srv/derper:/data --volume /opt/tailscale:/opt/tailscale:ro';
  const run = 'docker run --detach --name derper --restart always --network host';
  await machine.shell(`${run} ${mounts} ${IMAGE} ${derper}`);
  key = await relayKeyOf(machine, host, 443, chain);
});
afterAll(() => machine?.stop());

async function json(args: readonly string[], code = 0, file?: string) {
  const { code: got, stdout, stderr } = await machine.npx([...args, '--json'], { timeout: 120 }, file);
  expect(got, stderr + stdout).toBe(code);
  return JSON.parse(stdout);
}
const derperState = async () =>
  (await machine.shell(`docker inspect --format '{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}' derper`)).trim();
const status = async () =>
  JSON.parse((await machine.run('/usr/local/bin/derp-setup', ['status', '--json'], { timeout: 60 })).stdout);

describe('a derper in a container', () => {
  it('is named where it has the port, and left alone', async () => {
    const { problems } = await json(['--yes', '--deploy', 'compose', '--host', host, '--verify', 'none'], 2, old);
    expect(problems).toMatchObject([
      { flag: '--derp-port', code: 'derper-in-the-way' },
      { flag: '--stun-port', code: 'derper-in-the-way' },
    ]);
    expect(await derperState()).toBe('running always');
  });

  it('serves again when what takes its place does not', async () => {
    await machine.writeFile(
      '/etc/derp-setup/compose/compose.override.yaml',
      'services: {derp-relay: {command: ["--port", "70000"]}}\n',
    );
    const finished = await machine.npx(
      ['--yes', '--deploy', 'compose', '--take-over', '--verify', 'none'],
      { timeout: 120 },
      old,
    );
    await machine.shell('rm -r /etc/derp-setup');
    expect(finished.code, finished.stderr).toBe(1);
    expect(await derperState()).toBe('running always');
    expect(await relayKeyOf(machine, host, 443, chain)).toBe(key);
  });

  it('gives way with its host, key and certificate', async () => {
    const document = await json(['--yes', '--deploy', 'compose', '--take-over', '--verify', 'none'], 0, old);
    expect(document).toMatchObject({ ok: true, deploy: 'compose', host, ports: { derp: 443, stun: 3478 } });
    expect(await relayKeyOf(machine, host, 443, chain)).toBe(key);
    expect(await derperState()).toBe('exited no');
    expect(await inspect(machine, '.State.Status')).toBe('running');
  });
});

describe('an upgrade', () => {
  it('goes back by itself when the newer relay ends at once', async () => {
    const damaged = await packVersion('0.9.1', (folder) => {
      renameSync(join(folder, 'dist/derp-relay.js'), join(folder, 'dist/good.js'));
      writeFileSync(
        join(folder, 'dist/derp-relay.js'),
        'process.stderr.write("no relay today\\n"); process.exit(1);\n',
      );
    });
    const finished = await machine.npx(['upgrade', '--yes'], { timeout: 120 }, damaged);
    expect(finished.code, finished.stderr).toBe(1);
    expect(finished.stderr).toContain('no relay today');
    expect(finished.stderr).toContain('Everything was put back as it was.');
    expect(await status()).toMatchObject({ ok: true, versions: { running: OLD, installed: OLD } });
  });

  it('has the container run the newer relay', async () => {
    const before = await identity(machine);
    await json(['upgrade', '--yes']);
    const { version } = machine.package;
    expect(await status()).toMatchObject({ ok: true, versions: { running: version, installed: version } });
    expect(await identity(machine)).not.toBe(before);
    expect(await relayKeyOf(machine, host, 443, chain)).toBe(key);
  });

  it('the derper stays stopped when the relay goes, and people are told how it serves again', async () => {
    const finished = await machine.run('/usr/local/bin/derp-setup', ['uninstall', '--yes'], { timeout: 60 });
    expect(finished.code, finished.stderr).toBe(0);
    expect(finished.stdout).toMatch(/docker start .*derper|docker update --restart/);
    expect((await machine.run('docker', ['inspect', CONTAINER])).code).not.toBe(0);
  });
});
