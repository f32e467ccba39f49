/** The Dockerfile as people use it, the files that docs/compose.md shows, and a tailscaled in a container beside the relay. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '../vps/support/machine.ts';
import { until } from '../vps/support/wait.ts';
import { bootDockerMachine, CONTAINER, everything, IMAGE, inspect } from './support/engine.ts';

const top = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(`${top}/${path}`, 'utf8');

let machine: Machine;

beforeAll(async () => {
  machine = await bootDockerMachine('compose-image');
});
afterAll(() => machine?.stop());

describe('the Dockerfile', () => {
  it('builds from what npm pack writes, and adds little to Node', async () => {
    await machine.writeFile('/root/image/Dockerfile', read('Dockerfile'));
    await machine.shell(`cp /opt/package/${machine.package.file} /root/image/`);
    await machine.shell('docker build --quiet --tag derp-relay /root/image', { timeout: 120 });
    const size = async (image: string) =>
      Number(await machine.shell(`docker image inspect --format '{{.Size}}' ${image}`));
    const added = (await size('derp-relay')) - (await size(IMAGE));
    console.log(`the image of derp-relay adds ${(added / 1e6).toFixed(1)} MB to that of Node`);
    expect(added).toBeLessThan(6e6);
  });

  it('makes a relay that serves without root and capabilities, and is healthy', async () => {
    const flags = [
      '--network',
      'host',
      '--cap-drop',
      'ALL',
      '--read-only',
      '--volume',
      'derp-relay:/var/lib/derp-relay',
    ];
    const command = [
      'docker',
      'run',
      '--detach',
      '--name',
      CONTAINER,
      ...flags,
      'derp-relay',
      '-hostname',
      machine.ipv4,
    ];
    await machine.shell(command.join(' '));
    const chain = `openssl s_client -connect ${machine.ipv4}:8443 </dev/null 2>/dev/null | openssl x509 -outform der`;
    const pin = await until('the relay to serve', { seconds: 30, pauseMs: 300 }, async () => {
      const { code, stdout } = await machine.run('bash', ['-o', 'pipefail', '-c', `${chain} | sha256sum`]);
      return code === 0 && stdout.slice(0, 64);
    });
    const ports = ['--derp-port', '8443', '--http-port', '-1'];
    const probe = await machine.npx(['probe', machine.ipv4, ...ports, '--pin', `sha256-raw:${pin}`], { timeout: 60 });
    expect(probe.code, probe.stdout + probe.stderr).toBe(0);
    const status = await machine.readFile(`/proc/${await inspect(machine, '.State.Pid')}/status`);
    expect(status).toMatch(/^Uid:\s1000\s1000\s1000\s1000$/m);
    expect(status).toMatch(/^CapBnd:\s0+$/m);
    await until('the check', { seconds: 60, pauseMs: 500 }, async () => {
      return (await inspect(machine, '.State.Health.Status')) === 'healthy';
    });
  });

  it('keeps its key in its volume, and ends when it is told to', async () => {
    const key = 'docker run --rm --volume derp-relay:/x derp-relay-shell cat /x/derper.key';
    await machine.shell(`docker tag ${IMAGE} derp-relay-shell`);
    const before = await machine.shell(key);
    const began = Date.now();
    await machine.shell(`docker stop --time 30 ${CONTAINER}`, { timeout: 60 });
    expect(Date.now() - began).toBeLessThan(15_000);
    expect(await inspect(machine, '.State.ExitCode')).toBe('0');
    await machine.shell(`docker start ${CONTAINER}`);
    expect(await machine.shell(key)).toBe(before);
    await machine.shell(`docker rm --force ${CONTAINER}; docker volume rm derp-relay`);
    expect(await everything(machine)).toBe('');
  });
});

describe('docs/compose.md', () => {
  const blocks = [...read('docs/compose.md').matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);

  it('shows files that Compose reads without a word', async () => {
    expect(blocks).toHaveLength(2);
    for (const [index, text] of blocks.entries()) {
      // The second one adds to the project that derp-setup writes.
      const whole = text.replace('network_mode: bridge', `image: ${IMAGE}\n    network_mode: bridge`);
      await machine.writeFile(`/root/docs-${index}/compose.yaml`, whole);
      const { code, stderr } = await machine.run('docker', ['compose', 'config'], { cwd: `/root/docs-${index}` });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
  });

  it('has the relay ask a tailscaled in a container of its own, also when that was started again', async () => {
    const folder = '/run/tailscale-sidecar';
    const daemon = '/opt/tailscale/tailscaled --tun=userspace-networking --state=mem: --statedir=/tmp';
    await machine.shell(
      `docker run --detach --name sidecar --network host --env TS_NO_LOGS_NO_SUPPORT=true \
        --volume ${folder}:/var/run/tailscale --volume /opt/tailscale:/opt/tailscale:ro \
        ${IMAGE} ${daemon} --socket=/var/run/tailscale/tailscaled.sock`,
    );
    const socket = `${folder}/tailscaled.sock`;
    await until('its socket', { seconds: 30 }, () => machine.exists(socket));
    const args = ['--deploy', 'compose', '--verify', `tailscaled:${socket}`, '--yes'];
    const finished = await machine.npx(args, { timeout: 120 });
    expect(finished.code, finished.stderr).toBe(0);
    const uid = (await machine.shell('id -u derp-relay')).trim();
    const ask = `require('node:http').get({socketPath:'${socket}',path:'/localapi/v0/status',headers:{Host:'local-tailscaled.sock'}},
      (answer)=>{console.log(answer.statusCode);process.exit()}).on('error',(error)=>{console.log(error.code);process.exit()})`;
    const answer = async () =>
      (await machine.run('docker', ['exec', '--user', uid, CONTAINER, 'node', '-e', ask])).stdout.trim();
    expect(await answer()).toBe('200');
    await machine.shell('docker restart --time 5 sidecar', { timeout: 60 });
    await until('the socket in the container', { seconds: 20, pauseMs: 300 }, async () => (await answer()) === '200');
    expect((await machine.run('/usr/local/bin/derp-setup', ['status'])).code).toBe(0);
  });
});
