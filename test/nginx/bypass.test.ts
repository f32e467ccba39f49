/** A relay that shares port 443 with the sites of an nginx, from the first run to the last. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectDerp } from '../../src/client/connect.ts';
import { diffTrees, type FileTree } from '../vps/support/file-tree.ts';
import { bootMachine, type Machine } from '../vps/support/machine.ts';
import { packVersion } from '../vps/support/package.ts';
import { derpSetup, notOurs, unpackPackage } from '../vps/support/unpacked.ts';
import { until } from '../vps/support/wait.ts';
import { except, exchange, siteLog } from './support/looks.ts';
import { ALPHA, BETA, makeSites, PLAIN, visit } from './support/sites.ts';

const HOST = 'derp.example.test';
const INSTALL = ['--yes', '--deploy', 'nginx-bypass', '--host', HOST, '--verify', 'none'];
const LEFT_ALONE = [...notOurs, ...except];

let machine: Machine;
let pristine: FileTree;

beforeAll(async () => {
  machine = await bootMachine({
    name: 'bypass',
    image: 'nginx',
    network: { ipv6: true },
  });
  await unpackPackage(machine);
  await makeSites(machine);
  await machine.shell(`echo '${machine.ipv4} ${HOST}' >>/etc/hosts`);
  pristine = tree();
});
afterAll(() => machine.stop());

const tree = () => machine.fileTree(['/'], LEFT_ALONE);
const setup = (args: readonly string[] = []) => derpSetup(machine, [...INSTALL, ...args], { timeout: 120 });
const uninstall = () => derpSetup(machine, ['uninstall', '--purge', '--yes'], { timeout: 120 });
/** The pin of the relay's certificate, from the map. */
const pin = async () =>
  JSON.parse(await machine.readFile('/etc/derp-setup/derp-map.json')).Regions['900'].Nodes[0].CertName as string;

/** Every site is as its visitors know it. */
async function expectSites(): Promise<void> {
  for (const name of [ALPHA, BETA]) {
    expect(await visit(machine.ipv4, name)).toMatchObject({ status: 200, body: name, subject: name });
  }
  expect(await visit(machine.ipv6!, ALPHA)).toMatchObject({ status: 200, body: ALPHA, subject: ALPHA });
  // The default sites: of those that name none, and of IPv6, where beta is not served.
  expect(await visit(machine.ipv4, undefined)).toMatchObject({ status: 200, body: ALPHA });
  expect(await visit(machine.ipv6!, undefined)).toMatchObject({ status: 200, body: ALPHA });
  expect(await visit(machine.ipv6!, BETA)).toMatchObject({ subject: ALPHA });
  expect(await machine.shell(`curl -s -H 'Host: ${PLAIN}' http://127.0.0.1/`)).toBe(`${PLAIN}\n`);
}

describe('sharing the port', () => {
  it('shows every edit beforehand, and makes none of them', async () => {
    const { code, stdout, stderr } = await setup(['--dry-run']);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('-    listen 443 ssl http2 default_server;');
    expect(stdout).toContain(
      '+    listen 127.0.0.1:8444 ssl http2 default_server proxy_protocol; include /etc/nginx/derp-setup-sites.conf;',
    );
    expect(stdout).toContain('+    listen 127.0.0.6:8444 ssl http2 default_server proxy_protocol;');
    expect(diffTrees(pristine, tree())).toEqual([]);
  });

  it('installs, and proves the relay through nginx', async () => {
    await expectSites();
    const { code, stdout, stderr } = await setup();
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain('The relay works');
    // Port 80 is nginx's too, and handed on.
    expect(stdout).toContain('"CanPort80": true');
    await expectSites();
  });

  it('has the relay listen on the loopback address alone', async () => {
    const listening = (await machine.shell('ss -Hltnp | sort'))
      .split('\n')
      .filter((line) => line.includes('MainThread'));
    expect(listening.map((line) => line.split(/\s+/)[3])).toEqual(['127.0.0.1:8080', '127.0.0.1:8443']);
  });

  it('tells the sites where their visitors come from', async () => {
    for (const [address, from] of [
      [machine.ipv4, machine.host.ipv4],
      [machine.ipv6!, machine.host.ipv6],
    ] as const) {
      expect(await visit(address, ALPHA, { path: '/who' })).toMatchObject({ body: from });
      await until('the visit to be in the log', { seconds: 10 }, async () =>
        (await siteLog(machine, ALPHA)).some((line) => line.startsWith(`${from} `) && line.includes('GET /who')),
      );
    }
  });

  it('keeps the inner port out of redirects', async () => {
    const { location } = await visit(machine.ipv4, ALPHA, { path: '/folder' });
    expect(location).toBe(`https://${ALPHA}/folder/`);
  });

  it('tells the relay where its clients come from', async () => {
    for (const [address, from] of [
      [machine.ipv4, machine.host.ipv4],
      [machine.ipv6!, machine.host.ipv6],
    ] as const) {
      await exchange({ host: HOST, address, pin: await pin() });
      await until('the clients to be in the log', { seconds: 10 }, async () => {
        const journal = await machine.shell('journalctl -u derp-relay -o cat --no-pager');
        return journal.includes(`"address":"${from}"`);
      });
    }
  });

  it("lets Tailscale's own client in, through nginx", async () => {
    await machine.writeFile('/srv/derp-map.json', await machine.readFile('/etc/derp-setup/derp-map.json'));
    const probe = await machine.run(
      '/opt/tailscale/derpprobe',
      ['-derp-map', 'file:///srv/derp-map.json', '-once', '-spread=false', '-tls-interval', '0'],
      { timeout: 90 },
    );
    await machine.shell('rm /srv/derp-map.json');
    expect(probe.stdout + probe.stderr).toMatch(/good: derp\/myderp\/900a\/900a\/mesh/);
  });

  it("brings an authority's question for the host to the relay, and others to the sites", async () => {
    // Without an answer at hand the relay refuses the protocol, where a site would go on without it.
    const ask = (name: string) =>
      machine.run('sh', [
        '-c',
        `node -e '
          const socket = require("node:tls").connect({ host: "${machine.ipv4}", port: 443, servername: "${name}",
            ALPNProtocols: ["acme-tls/1"], rejectUnauthorized: false }, () => {
              console.log(socket.getPeerCertificate().subject.CN); socket.end(); });
          socket.on("error", (error) => console.log(error.code));'`,
      ]);
    expect((await ask(HOST)).stdout).toContain('NO_APPLICATION_PROTOCOL');
    expect((await ask(BETA)).stdout).not.toContain(HOST);
  });

  it('a second run does nothing', async () => {
    const before = tree();
    expect(await setup()).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
    expect(diffTrees(before, tree())).toEqual([]);
  });

  it('status and doctor know that it is behind nginx', async () => {
    const status = await derpSetup(machine, ['status', '--json']);
    expect(status.code, status.stderr).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({ ok: true, target: 'nginx-bypass', ports: { derp: 443 } });
    expect(JSON.parse(status.stdout).front).toEqual({ name: 'nginx', version: '1.22.1' });
    expect((await derpSetup(machine, ['status'])).stdout).toContain('443/tcp 80/tcp 3478/udp · behind nginx 1.22.1');
    const doctor = await derpSetup(machine, ['doctor', '--json'], { timeout: 120 });
    const failed = JSON.parse(doctor.stdout).findings.filter(({ level }: { level: string }) => level === 'failed');
    expect(failed).toEqual([]);
  });

  it.each([
    ['nginx-stopped', 'systemctl stop nginx', 'systemctl start nginx'],
    ['nginx-broken', 'echo "nonsense;" >/etc/nginx/conf.d/x.conf', 'rm /etc/nginx/conf.d/x.conf'],
    [
      'nginx-site-on-port',
      'echo "server { listen 443 ssl; ssl_reject_handshake on; }" >/etc/nginx/conf.d/x.conf',
      'rm /etc/nginx/conf.d/x.conf',
    ],
    [
      'nginx-route-gone',
      'mv /etc/nginx/modules-enabled/derp-setup-stream.conf /root/x',
      'mv /root/x /etc/nginx/modules-enabled/derp-setup-stream.conf',
    ],
    ['nginx-missing', 'mv /usr/sbin/nginx /root/nginx', 'mv /root/nginx /usr/sbin/nginx'],
  ])('doctor finds %s', async (id, change, back) => {
    onTestFinished(async () => void (await machine.shell(back)));
    await machine.shell(change);
    const { code, stdout } = await derpSetup(machine, ['doctor', '--json'], { timeout: 120 });
    expect(code).toBe(1);
    expect(JSON.parse(stdout).findings.map((finding: { id: string }) => finding.id)).toContain(id);
  });

  it('is there after a reboot', async () => {
    await machine.reboot();
    await until('the relay to serve', { seconds: 30 }, async () => (await derpSetup(machine, ['status'])).code === 0);
    await expectSites();
    const document = await setup(['--json']);
    expect(JSON.parse(document.stdout).plan ?? []).toEqual([]);
  });
});

describe('changes', () => {
  it('of the inner ports move relay and sites', async () => {
    const { code, stderr } = await setup(['--relay-port', '9443', '--sites-port', '9444']);
    expect(code, stderr).toBe(0);
    expect(await machine.shell('ss -Hltn "sport = :8443 or sport = :8444"')).toBe('');
    expect(await machine.readFile(`/etc/nginx/sites-available/${BETA}`)).toContain('listen 127.0.0.1:9444 ssl');
    await expectSites();
  });

  it('a new site on the public port is moved too by the next run', async () => {
    const gamma = `server {\n    listen 443 ssl;\n    server_name gamma.example.test;\n    ssl_certificate /etc/nginx/tls/${BETA}.crt;\n    ssl_certificate_key /etc/nginx/tls/${BETA}.key;\n    return 200 gamma;\n}\n`;
    await machine.writeFile('/etc/nginx/conf.d/gamma.conf', gamma);
    const { code, stderr } = await setup();
    expect(code, stderr).toBe(0);
    expect(await visit(machine.ipv4, 'gamma.example.test')).toMatchObject({ status: 200, body: 'gamma' });
    await expectSites();
    await machine.shell('rm /etc/nginx/conf.d/gamma.conf');
    expect((await setup()).code).toBe(0);
    expect(await machine.shell('ls /etc/derp-setup/nginx-backup | grep gamma || true')).toBe('');
  });

  it('an upgrade leaves nginx alone', async () => {
    const before = machine.fileTree(['/etc/nginx']);
    const workers = () => machine.shell('pgrep -fx "nginx: worker process"');
    const pids = await workers();
    const file = await packVersion('9.0.0');
    const upgraded = await machine.npx(['upgrade', '--yes'], { timeout: 120 }, file);
    expect(upgraded.code, upgraded.stderr).toBe(0);
    expect(upgraded.stderr).not.toContain('nginx');
    expect((await machine.run('/usr/local/bin/derp-setup', ['--version'])).stdout).toBe('9.0.0\n');
    expect(diffTrees(before, machine.fileTree(['/etc/nginx']))).toEqual([]);
    expect(await workers()).toBe(pids);
    await expectSites();
    // Back to the version that the other tests run.
    expect((await uninstall()).code).toBe(0);
    expect((await setup()).code).toBe(0);
  });

  it('a port of its own gives nginx its port back', async () => {
    const { code, stderr } = await setup(['--deploy', 'systemd', '--derp-port', '8443', '--host', HOST]);
    expect(code, stderr).toBe(0);
    await expectSites();
    const isNginxs = (path: string) => path.includes('/etc/nginx');
    // On port 80 nginx goes on handing the relay what is its.
    expect(diffTrees(pristine, tree()).filter(isNginxs)).toEqual([
      '+ /etc/nginx/conf.d/zz-derp-setup.conf file 0644 0:0',
    ]);
    const again = await derpSetup(machine, ['--yes']);
    expect(again).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
    expect((await setup(['--derp-port', '443'])).code).toBe(0);
    await expectSites();
  });
});

describe('uninstalling', () => {
  it('leaves nginx as it was, byte for byte', async () => {
    const { code, stderr } = await uninstall();
    expect(code, stderr).toBe(0);
    expect(diffTrees(pristine, tree())).toEqual([]);
    await expectSites();
    await expect(
      connectDerp({ host: HOST, addresses: [machine.ipv4], trust: { kind: 'none' }, timeoutMs: 5000 }),
    ).rejects.toThrow();
  });

  it('keeps what others have changed meanwhile, and takes only its own lines out', async () => {
    expect((await setup()).code).toBe(0);
    // As certbot does when it is asked for a new certificate.
    const path = `/etc/nginx/sites-available/${BETA}`;
    await machine.shell(
      `sed -i 's/server_name ${BETA};/server_name ${BETA} www.${BETA};\\n    gzip on; # managed by Certbot/' ${path}`,
    );
    const dry = await derpSetup(machine, ['uninstall', '--purge', '--dry-run']);
    expect(dry.stdout).toContain('their changes stay');
    const { code, stderr } = await uninstall();
    expect(code, stderr).toBe(0);
    const left = await machine.readFile(path);
    expect(left).toContain(`www.${BETA};\n    gzip on; # managed by Certbot`);
    expect(left).toContain('    listen 443 ssl; # managed by Certbot\n');
    expect(left).not.toContain('derp-setup');
  });
});
