/**
 * What goes wrong around a container: each time a clear message, and the machine as it was before. Also the first
 * generation of Compose, which Debian 12 brings, and what a relay in a container needs of tailscaled.
 */

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOnHost } from '../vps/support/commands.ts';
import { diffTrees, type FileTree } from '../vps/support/file-tree.ts';
import type { Machine } from '../vps/support/machine.ts';
import { NOT_OURS } from '../vps/support/not-ours.ts';
import { until } from '../vps/support/wait.ts';
import {
  bootDockerMachine,
  CONTAINER,
  DOCKERS,
  everything,
  IMAGE,
  identity,
  inspect,
  PROJECT_FOLDER,
} from './support/engine.ts';

const EXCEPT = [...NOT_OURS, ...DOCKERS, '/home/alice'];
const SETUP = ['--deploy', 'compose', '--verify', 'none', '--yes'];

let machine: Machine;
let pristine: FileTree;

beforeAll(async () => {
  machine = await bootDockerMachine('compose-faults', { compose: 'v1' });
  await machine.shell('useradd --create-home alice');
  pristine = machine.fileTree(['/'], EXCEPT);
});
afterAll(() => machine?.stop());

const asBefore = async () => {
  expect(diffTrees(pristine, machine.fileTree(['/'], EXCEPT))).toEqual([]);
  expect(await everything(machine)).toBe('');
};

/** The codes of the problems that a run ends with. */
async function refusals(args: readonly string[] = SETUP, user = 'root'): Promise<string[]> {
  const finished = await machine.npx([...args, '--json'], { timeout: 60, user });
  expect(finished.code, finished.stderr + finished.stdout).toBe(2);
  const { problems } = JSON.parse(finished.stdout) as { problems: { code: string; remedy?: string }[] };
  return problems.map(({ code, remedy }) => `${code}: ${remedy ?? ''}`);
}

/** While something is amiss on the machine. */
async function meanwhile(breaks: string, mends: string, look: () => Promise<void>): Promise<void> {
  await machine.shell(breaks, { timeout: 60 });
  try {
    await look();
  } finally {
    await machine.shell(mends, { timeout: 60 });
  }
}

const engineIsBack = () =>
  until('the engine', { seconds: 30 }, async () => (await machine.run('docker', ['info'])).code === 0);

describe('refused before anything is changed', () => {
  it('Docker is not installed', async () => {
    await meanwhile('mv /usr/bin/docker /usr/bin/docker-away', 'mv /usr/bin/docker-away /usr/bin/docker', async () => {
      expect(await refusals()).toEqual([expect.stringMatching(/^needs-docker: .*docs\.docker\.com/)]);
    });
  });

  it('Compose is not installed', async () => {
    await meanwhile('chmod -x /usr/bin/docker-compose', 'chmod +x /usr/bin/docker-compose', async () => {
      expect(await refusals()).toEqual([expect.stringMatching(/^needs-compose: .*docker-compose-plugin/)]);
    });
  });

  it('the engine is stopped', async () => {
    await meanwhile('systemctl stop docker.socket docker', 'systemctl start docker', async () => {
      expect(await refusals()).toEqual([expect.stringMatching(/^docker-stopped: .*systemctl enable --now docker/)]);
    });
    await engineIsBack();
  });

  it('Docker refuses the user, who is told the command that mends it', async () => {
    const [denied, ...more] = await refusals(SETUP, 'alice');
    expect(denied).toContain('docker-denied: run it with sudo');
    expect(denied).toContain('sudo usermod -aG docker alice');
    expect(more.filter((problem) => problem.startsWith('needs-root'))).toEqual([]);
  });

  it('the name of the container is taken', async () => {
    const taken = `docker run --detach --name ${CONTAINER} ${IMAGE} sleep 1000`;
    await meanwhile(taken, `docker rm --force ${CONTAINER}`, async () => {
      expect(await refusals()).toEqual([expect.stringMatching(/^container-name-taken: .*docker rename derp-relay /)]);
    });
  });

  it('a port is taken by a container, whose program is named', async () => {
    const taken = `docker run --detach --name site --publish 443:443 ${IMAGE} sleep 1000`;
    await meanwhile(taken, 'docker rm --force site', async () => {
      const finished = await machine.npx(SETUP, { timeout: 60 });
      expect(finished.code).toBe(2);
      expect(finished.stderr).toMatch(/--derp-port 443 +is in use by docker-proxy \(pid \d+\)/);
    });
  });

  it('a list of keys is where a container cannot have it', async () => {
    const list = '/var/lib/keys.txt';
    await meanwhile(`echo nodekey:${'ab'.repeat(32)} >${list}`, `rm ${list}`, async () => {
      const args = ['--deploy', 'compose', '--verify', `keys:${list}`, '--yes'];
      expect(await refusals(args)).toEqual([expect.stringMatching(/^directory-not-mountable: .*\/etc\/derp-setup/)]);
    });
  });

  it('and all of that has left no trace', asBefore);
});

describe('undone', () => {
  it('an image that is not here and cannot be pulled', async () => {
    const finished = await machine.npx([...SETUP, '--image', 'mirror.example/library/node:24'], { timeout: 90 });
    expect(finished.code).toBe(1);
    expect(finished.stderr).toMatch(/the image mirror\.example\/library\/node:24 is not here, and could not be pulled/);
    expect(finished.stderr).toContain('docker save');
    await asBefore();
  });

  it('a relay that ends at once, with its last lines', async () => {
    const override = 'services: {derp-relay: {command: ["--port", "70000"]}}';
    await meanwhile(
      `mkdir -p ${PROJECT_FOLDER} && echo '${override}' >${PROJECT_FOLDER}/compose.override.yaml`,
      'rm -r /etc/derp-setup',
      async () => {
        const finished = await machine.npx(SETUP, { timeout: 120 });
        expect(finished.code, finished.stderr).toBe(1);
        expect(finished.stderr).toMatch(/derp-relay ended at once/);
        expect(finished.stderr).toMatch(/Its last lines:\n.*derp-relay: /);
        expect(finished.stderr).toContain('Everything was put back as it was.');
        expect(await everything(machine)).toBe('');
      },
    );
    await asBefore();
  });

  it('a container that Docker does not start, with what Docker says', async () => {
    const override = 'services: {derp-relay: {entrypoint: ["/no/such/program"]}}';
    await meanwhile(
      `mkdir -p ${PROJECT_FOLDER} && echo '${override}' >${PROJECT_FOLDER}/compose.override.yaml`,
      'rm -r /etc/derp-setup',
      async () => {
        const finished = await machine.npx(SETUP, { timeout: 120 });
        expect(finished.code, finished.stderr).toBe(1);
        expect(finished.stderr).toMatch(/Docker did not start the container derp-relay/);
        expect(finished.stderr).toMatch(/no such file or directory/);
        expect(await everything(machine)).toBe('');
      },
    );
    await asBefore();
  });

  it('an interruption while the container starts', async () => {
    // It ends when it is told to, as a program that is the first in its container must by itself.
    const override =
      'services: {derp-relay: {entrypoint: ["sh", "-c", "trap exit TERM; while sleep 0.1; do :; done"]}}';
    await meanwhile(
      `mkdir -p ${PROJECT_FOLDER} && echo '${override}' >${PROJECT_FOLDER}/compose.override.yaml`,
      'rm -r /etc/derp-setup',
      async () => {
        const script = `${machine.npxCommand(SETUP)} & run=$!
          until docker ps --quiet --filter name=${CONTAINER} | grep -q .; do sleep 0.1; done
          kill -INT "$(cat /run/derp-setup.lock | grep -oE '[0-9]+' | head -1)"; wait $run`;
        const finished = await machine.run('sh', ['-c', script], { timeout: 90 });
        expect(finished.code, finished.stderr).toBe(130);
        expect(finished.stderr).toContain('Everything was put back as it was.');
        expect(await everything(machine)).toBe('');
      },
    );
    await asBefore();
  });
});

describe('with the first generation of Compose', () => {
  const installed = (args: readonly string[]) => machine.run('/usr/local/bin/derp-setup', args, { timeout: 90 });

  /** Runs a script of Node's in the container as the relay's user, who is not root. */
  const asRelay = async (script: string) => {
    const uid = (await machine.shell('id -u derp-relay')).trim();
    return machine.run('docker', ['exec', '--user', uid, CONTAINER, 'node', '-e', script]);
  };
  const askTailscaled = `require('node:http').get(
    {socketPath:'/var/run/tailscale/tailscaled.sock',path:'/localapi/v0/status',headers:{Host:'local-tailscaled.sock'}},
    (answer)=>{console.log(answer.statusCode);process.exit()}).on('error',(error)=>{console.log(error.code);process.exit()})`;

  /** What a client on another machine is told, and as whom the relay sees it. */
  const seenFrom = async (pin: string) => {
    const since = new Date(Date.now() - 1000).toISOString();
    const program = fileURLToPath(new URL('../../bin/derp-setup.cjs', import.meta.url));
    const command = [process.execPath, program, 'probe', machine.ipv4, '--pin', pin, '--json'];
    const { checks } = JSON.parse((await runOnHost(command)).stdout) as { checks: { id: string; detail: string }[] };
    const { stdout, stderr } = await machine.run('docker', ['logs', '--since', since, CONTAINER]);
    const events = `${stdout}\n${stderr}`.split('\n').filter((line) => /client_(connected|refused)/.test(line));
    const addresses = new Set(events.map((line) => JSON.parse(line).address as string));
    return {
      client: machine.host.ipv4,
      relaySaw: [...addresses],
      stun: checks.find(({ id }) => id === 'stun')?.detail,
    };
  };

  it('replaces a service of systemd, which serves on when that fails, and asks tailscaled from inside', async () => {
    // As Tailscale's own unit has it, without its network.
    await machine.writeFile(
      '/etc/systemd/system/tailscaled.service',
      `[Service]
Environment=TS_NO_LOGS_NO_SUPPORT=true
ExecStart=/opt/tailscale/tailscaled --tun=userspace-networking --state=mem: --statedir=/var/lib/tailscale --socket=/run/tailscale/tailscaled.sock
RuntimeDirectory=tailscale
RuntimeDirectoryMode=0755
StateDirectory=tailscale
Type=notify
`,
    );
    await machine.shell('systemctl daemon-reload; systemctl start tailscaled', { timeout: 60 });
    const tailscaled = ['--verify', 'tailscaled', '--yes', '--json'];
    const first = await machine.npx([...tailscaled, '--deploy', 'systemd'], { timeout: 90 });
    expect(first.code, first.stderr).toBe(0);
    const override = 'services: {derp-relay: {command: ["--port", "70000"]}}';
    await machine.writeFile(`${PROJECT_FOLDER}/compose.override.yaml`, override);
    const failed = await machine.npx([...tailscaled, '--deploy', 'compose'], { timeout: 120 });
    await machine.shell(`rm -r ${PROJECT_FOLDER}`);
    expect(failed.code, failed.stderr).toBe(1);
    expect(await machine.shell('systemctl is-active derp-relay; systemctl is-enabled derp-relay')).toBe(
      'active\nenabled\n',
    );
    const second = await machine.npx([...tailscaled, '--deploy', 'compose'], { timeout: 120 });
    expect(second.code, second.stderr + second.stdout).toBe(0);
    expect(JSON.parse(second.stdout)).toMatchObject({ deploy: 'compose', verification: { ok: true } });
    expect((await machine.run('systemctl', ['cat', 'derp-relay.service'])).code).not.toBe(0);
    expect(await inspect(machine, '.State.Status')).toBe('running');
    expect((await asRelay(askTailscaled)).stdout).toBe('200\n');
  });

  it('the container still finds tailscaled when that was started again', async () => {
    const before = await identity(machine);
    const directory = await machine.shell('stat -c %i /run/tailscale');
    await machine.shell('systemctl restart tailscaled', { timeout: 60 });
    expect((await asRelay(askTailscaled)).stdout).toBe('200\n');
    await machine.shell('systemctl stop tailscaled; systemctl start tailscaled', { timeout: 60 });
    expect((await asRelay(askTailscaled)).stdout).toBe('200\n');
    expect(await machine.shell('stat -c %i /run/tailscale')).toBe(directory);
    expect(await identity(machine)).toBe(before);
  });

  it('a second run does nothing', async () => {
    const before = await identity(machine);
    expect(await machine.npx(['--yes'])).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
    expect(await identity(machine)).toBe(before);
  });

  it('doctor finds a container that was stopped, and starts it', async () => {
    await machine.shell(`docker stop ${CONTAINER}`, { timeout: 60 });
    const ill = await installed(['doctor', '--json']);
    expect(ill.code).toBe(1);
    const found: { id: string; remedy?: string }[] = JSON.parse(ill.stdout).findings;
    expect(found.find(({ id }) => id === 'container-stopped')?.remedy).toContain('docker logs --tail 50 derp-relay');
    expect((await installed(['status'])).stdout).toContain('the container does not run');
    const mended = await installed(['doctor', '--fix']);
    expect(mended.stdout + mended.stderr).toContain('the container derp-relay is started');
    expect((await installed(['status'])).code).toBe(0);
  });

  it("over a bridge of Docker's own, as documented, it serves, and doctor says what that costs", async () => {
    await machine.writeFile(
      `${PROJECT_FOLDER}/compose.override.yaml`,
      `services:
  derp-relay:
    network_mode: bridge
    ports: ["443:443/tcp", "80:80/tcp", "3478:3478/udp"]
`,
    );
    await machine.shell('docker-compose up --detach 2>&1', { cwd: PROJECT_FOLDER, timeout: 60 });
    const probe = ['probe', machine.ipv4, '--pin'];
    const map = JSON.parse((await installed(['derp-map', '--json'])).stdout);
    const { CertName } = map.Regions['900'].Nodes[0];
    await until('the relay behind the bridge', { seconds: 30, pauseMs: 500 }, async () => {
      const { stdout } = await installed([...probe, CertName, '--json']);
      return JSON.parse(stdout).checks.find(({ id }: { id: string }) => id === 'tls')?.ok === true;
    });
    const seen = await seenFrom(CertName);
    console.log(`over a bridge: ${JSON.stringify(seen)}`);
    expect(seen.relaySaw).toContain(machine.host.ipv4);
    expect(seen.stun).toContain(`it sees us as ${machine.host.ipv4}:`);
    const { stdout } = await installed(['doctor', '--json']);
    const ids: string[] = JSON.parse(stdout).findings.map(({ id }: { id: string }) => id);
    expect(ids).toContain('port-taken');
    await machine.shell(`rm ${PROJECT_FOLDER}/compose.override.yaml`);
    await machine.shell('docker-compose up --detach 2>&1', { cwd: PROJECT_FOLDER, timeout: 60 });
    await until('the relay on the network again', { seconds: 30, pauseMs: 500 }, async () => {
      return (await installed(['status'])).code === 0;
    });
  });

  it('gives its place back to a service of systemd', async () => {
    const finished = await machine.npx(['--deploy', 'systemd', '--yes'], { timeout: 120 });
    expect(finished.code, finished.stderr).toBe(0);
    expect(await everything(machine)).toBe('');
    expect(await machine.exists(PROJECT_FOLDER)).toBe(false);
    expect(await machine.shell('systemctl is-active derp-relay')).toBe('active\n');
    expect(JSON.parse((await installed(['status', '--json'])).stdout)).toMatchObject({ ok: true, target: 'systemd' });
  });

  it('uninstall leaves no trace', async () => {
    const finished = await machine.npx(['--deploy', 'compose', '--yes'], { timeout: 120 });
    expect(finished.code, finished.stderr).toBe(0);
    const removed = await installed(['uninstall', '--purge', '--yes']);
    expect(removed.code, removed.stderr).toBe(0);
    await machine.shell('systemctl stop tailscaled; rm -r /etc/systemd/system/tailscaled.service /var/lib/tailscale');
    await asBefore();
  });
});
