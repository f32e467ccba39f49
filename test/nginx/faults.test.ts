/** What can go wrong while nginx is changed: everything is as before then, to the byte, and the sites answer. */
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { diffTrees, type FileTree } from '../vps/support/file-tree.ts';
import { bootMachine, type Machine } from '../vps/support/machine.ts';
import { derpSetup, notOurs, unpackPackage } from '../vps/support/unpacked.ts';
import { until } from '../vps/support/wait.ts';
import { interrupted, writeInterrupter } from './support/interrupter.ts';
import { except, exchange } from './support/looks.ts';
import { ALPHA, BETA, makeSites, tlsSite, visit } from './support/sites.ts';

const INSTALL = ['--yes', '--deploy', 'nginx-bypass', '--http-port', '-1', '--verify', 'none'];
const HOST = 'derp.example.test';
const NAMED = [...INSTALL, '--host', HOST];

let machine: Machine;
let pristine: FileTree;

beforeAll(async () => {
  machine = await bootMachine({ name: 'nginx-faults', image: 'nginx' });
  await unpackPackage(machine);
  await writeInterrupter(machine);
  await makeSites(machine);
  await machine.shell(`echo '${machine.ipv4} ${HOST}' >>/etc/hosts`);
  pristine = tree();
});
afterAll(() => machine.stop());
// One test that fails must not make those after it fail.
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await derpSetup(machine, ['uninstall', '--purge', '--yes'], { timeout: 120 });
});

const tree = () => machine.fileTree(['/etc', '/srv', '/usr/local', '/var'], [...notOurs, ...except]);
const setup = (args: readonly string[] = NAMED) => derpSetup(machine, args, { timeout: 120 });

async function expectSites(): Promise<void> {
  for (const name of [ALPHA, BETA]) {
    expect(await visit(machine.ipv4, name)).toMatchObject({ status: 200, body: name, subject: name });
  }
}

/** Changes the machine for one test. */
async function meanwhile(change: string, back: string): Promise<void> {
  onTestFinished(async () => void (await machine.shell(back)));
  await machine.shell(change);
}

const reload = 'nginx -t && nginx -s reload && sleep 0.5';
const BETA_FILE = `/etc/nginx/sites-available/${BETA}`;
/** Has beta's file say something else for one test. */
async function betaSays(change: (text: string) => string): Promise<void> {
  await machine.writeFile(BETA_FILE, change(tlsSite(BETA)));
  onTestFinished(async () => {
    await machine.writeFile(BETA_FILE, tlsSite(BETA));
    await machine.shell(reload);
  });
  await machine.shell(reload);
}

/** It is refused before anything is done, with one clear problem. */
async function expectRefusal(message: RegExp, args: readonly string[] = NAMED): Promise<string> {
  const before = tree();
  const { code, stdout, stderr } = await setup(args);
  expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
  expect(stderr.replace(/\s+/g, ' ')).toMatch(message);
  expect(stderr).toMatch(/^derp-setup: 1 problem$/m);
  expect(diffTrees(before, tree())).toEqual([]);
  return stderr;
}

describe('it is refused, and the machine is as it was,', () => {
  it('while nginx refuses its own configuration', async () => {
    await meanwhile('echo "nonsense;" >/etc/nginx/conf.d/broken.conf', 'rm /etc/nginx/conf.d/broken.conf');
    await expectRefusal(/nginx refuses its own configuration: .*nonsense.* → mend that first/);
  });

  it('while nginx does not run', async () => {
    await meanwhile('systemctl stop nginx', 'systemctl start nginx');
    await expectRefusal(/needs a running nginx → sudo systemctl start nginx/);
  });

  it('where another nginx has the port, such as one in a container', async () => {
    const own = 'pid /run/other.pid; events {} http { server { listen 443; } }';
    await meanwhile(
      `systemctl stop nginx; echo '${own}' >/root/other.conf; nginx -c /root/other.conf >/dev/null 2>&1 </dev/null`,
      'kill $(cat /run/other.pid); rm /root/other.conf; while ss -Hltn "sport = :443" | grep -q .; do sleep 0.1; done; systemctl start nginx',
    );
    await expectRefusal(/would change this machine's nginx, but another one has the port \(pid \d+\)/);
  });

  it('where there is no nginx', async () => {
    await meanwhile(
      'systemctl stop nginx; mv /usr/sbin/nginx /usr/sbin/nginx.away',
      'mv /usr/sbin/nginx.away /usr/sbin/nginx; systemctl start nginx',
    );
    await expectRefusal(/needs nginx, and there is no such command here .*--deploy systemd --derp-port 8443/);
  });

  it('without the stream module, whose package is named', async () => {
    const enabled = '/etc/nginx/modules-enabled/50-mod-stream.conf';
    await meanwhile(`mv ${enabled} /root/mod; ${reload}`, `mv /root/mod ${enabled}; ${reload}`);
    await expectRefusal(/needs nginx's stream module .*load_module \/usr\/lib\/nginx\/modules\/ngx_stream_module.so/);
    const file = '/usr/lib/nginx/modules/ngx_stream_module.so';
    await meanwhile(`mv ${file} /root/so`, `mv /root/so ${file}`);
    await expectRefusal(/needs nginx's stream module .*sudo apt install libnginx-mod-stream/);
  });

  it('where somebody has a stream server on the port, until that leads to the relay', async () => {
    const file = '/etc/nginx/modules-enabled/own.conf';
    const own = (lines: string) =>
      `stream { map $ssl_preread_server_name $to { ${lines} default 127.0.0.1:8444; } server { listen 443; ssl_preread on; proxy_pass $to; proxy_protocol on; proxy_bind 127.0.0.2; } }\n`;
    await betaSays((text) => text.replace('listen 443 ssl;', 'listen 127.0.0.1:8444 ssl proxy_protocol;'));
    const alpha = `/etc/nginx/sites-enabled/${ALPHA}`;
    await meanwhile(`mv ${alpha} /root/alpha`, `rm -f ${file}; mv /root/alpha ${alpha}; ${reload}`);
    await machine.writeFile(file, own(''));
    await machine.shell(reload);
    await expectRefusal(/a stream server of your own on port 443 .*write "derp.example.test 127.0.0.1:8443;"/);
    await machine.writeFile(file, own(`${HOST} 127.0.0.1:8443;`));
    await machine.shell(reload);
    const nginxBefore = machine.fileTree(['/etc/nginx']);
    const { code, stdout, stderr } = await setup();
    expect(code, stdout + stderr).toBe(0);
    expect((await setup([...NAMED, '--derp-port', '443', '--dry-run'])).stderr).toContain('left as it is');
    expect(diffTrees(nginxBefore, machine.fileTree(['/etc/nginx']))).toEqual([]);
    expect((await setup()).stdout).toBe('Already as described: nothing to do.\n');
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
    expect(diffTrees(nginxBefore, machine.fileTree(['/etc/nginx']))).toEqual([]);
  });

  it('where a site has the name', async () => {
    await betaSays((text) => text.replace(`server_name ${BETA}`, `server_name ${BETA} ${HOST}`));
    await expectRefusal(/would take derp.example.test from the website of that name \(.*beta.example.test:1\)/);
  });

  it('where a site listens by a name', async () => {
    await betaSays((text) => text.replace('listen 443 ssl;', 'listen 443 ssl; listen localhost:443 ssl;'));
    await expectRefusal(/cannot move "listen localhost:443 ssl" .*names a host instead of an address/);
  });

  it('where a site knows its visitors by the header of a CDN, with what could be written by hand', async () => {
    await betaSays((text) => text.replace('server_name', 'set_real_ip_from 198.51.100.0/24; server_name'));
    const said = await expectRefusal(/would spoil how a site finds its visitors' addresses: "set_real_ip_from 198/);
    expect(said).toContain('+    listen 127.0.0.1:8444 ssl proxy_protocol; include');
    expect(said).toContain('proxy_bind 127.0.0.2;');
  });

  it.each([
    ['# Ansible managed', /which a program writes \("Ansible managed"\)/],
    ['# \xe9\xe8', /which is not in UTF-8/],
  ])('where the file is not for us to edit: %s', async (line, message) => {
    const text = Buffer.from(`${line}\n${tlsSite(BETA)}`, 'latin1');
    await machine.writeFile(BETA_FILE, text);
    onTestFinished(() => machine.writeFile(BETA_FILE, tlsSite(BETA)));
    await expectRefusal(message);
  });

  it('where the file has another name', async () => {
    await meanwhile(`ln ${BETA_FILE} /root/beta`, 'rm /root/beta');
    await expectRefusal(/which has another name too/);
  });

  it('where the port is not nginx’s: named', async () => {
    await meanwhile(
      'systemctl stop nginx; cp "$(command -v node)" /root/caddy; (/root/caddy -e "require(\'net\').createServer().listen(443)" >/dev/null 2>&1 & echo $! >/run/caddy.pid); until ss -Hltn "sport = :443" | grep -q .; do sleep 0.1; done',
      'kill $(cat /run/caddy.pid); rm /root/caddy; systemctl start nginx',
    );
    const { code, stderr } = await setup();
    expect(code).toBe(2);
    expect(stderr).toMatch(/--derp-port 443 +is in use by caddy \(pid \d+\)/);
  });

  it('with --root and with --no-start', async () => {
    await expectRefusal(/--deploy nginx-bypass cannot be used together with --no-start/, [...NAMED, '--no-start']);
    await expectRefusal(/--deploy nginx-bypass cannot be used together with --root/, [...NAMED, '--root', '/opt/x']);
  });

  it('with a port that is taken', async () => {
    await expectRefusal(/--sites-port 80 is in use by nginx/, [...NAMED, '--sites-port', '80']);
  });
});

describe('it is undone', () => {
  it('when nginx cannot take the new configuration', async () => {
    // Taken between the plan and the reload, which nginx -t does not notice.
    await machine.writeFile(
      '/srv/taker.mjs',
      `import children from 'node:child_process';
       import net from 'node:net';
       import { syncBuiltinESMExports } from 'node:module';
       const { spawn } = children;
       children.spawn = (command, args, options) => {
         if (command === 'nginx' && args[0] === '-t') net.createServer().listen(8444, '127.0.0.1').unref();
         return spawn(command, args, options);
       };
       syncBuiltinESMExports();`,
    );
    const before = tree();
    const finished = await machine.run(
      'node',
      ['--import', '/srv/taker.mjs', '/srv/derp-setup/package/bin/derp-setup.cjs', ...NAMED],
      { timeout: 120 },
    );
    expect(finished.code, finished.stderr).toBe(1);
    expect(finished.stderr).toMatch(
      /nginx goes on with its old configuration: bind\(\) to 127\.0\.0\.1:8444 failed \(98/,
    );
    expect(finished.stderr).toContain('--sites-port');
    expect(diffTrees(before, tree())).toEqual([]);
    await expectSites();
    await machine.shell('rm /srv/taker.mjs');
  });

  it('when a site does not answer as before', async () => {
    // Behind nginx this site refuses whoever comes from this machine's loopback network by way of a header.
    await betaSays((text) =>
      text.replace('location = /who', 'if ($server_port != 443) { return 503; }\n    location = /who'),
    );
    const before = tree();
    const { code, stderr } = await setup();
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(
      /a website does not answer as before\n +beta\.example\.test \(127\.0\.0\.1\): before 200, .*; now 503, /,
    );
    expect(diffTrees(before, tree())).toEqual([]);
    await expectSites();
  });

  it('when it is interrupted, at every point', async () => {
    const before = tree();
    const whole = await interrupted(machine, 0, NAMED);
    expect(whole.code, whole.stderr).toBe(0);
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
    expect(diffTrees(before, tree())).toEqual([]);
    expect(whole.log).toContain(`rename ${BETA_FILE}`);
    expect(whole.log).toContain('nginx -s reload');
    for (let after = 1; after <= whole.log.length; after++) {
      const { code, stderr } = await interrupted(machine, after, NAMED);
      expect(code, `${whole.log[after - 1]}\n${stderr}`).toBe(130);
      expect(stderr).toMatch(/Everything was put back as it was\.\n$/);
      expect(diffTrees(before, tree()), whole.log[after - 1]).toEqual([]);
      await expectSites();
    }
  });

  it('or it can be finished, when it was killed', async () => {
    const before = tree();
    for (const after of [3, 5]) {
      const killed = await interrupted(machine, after, NAMED, 'SIGKILL');
      expect(killed.code).not.toBe(0);
      const again = await setup();
      expect(again.code, again.stderr).toBe(0);
      await expectSites();
      expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
      expect(diffTrees(before, tree())).toEqual([]);
    }
  });
});

describe('by an address', () => {
  it('clients need no name, which the sites do without', async () => {
    const args = [...INSTALL, '--host', machine.ipv4];
    const { code, stdout, stderr } = await setup(args);
    expect(code, stdout + stderr).toBe(0);
    expect((await setup([...args, '--dry-run'])).stderr).toMatch(/names no site gets the relay from now on/);
    const map = JSON.parse(await machine.readFile('/etc/derp-setup/derp-map.json'));
    const pin = map.Regions['900'].Nodes[0].CertName;
    await exchange({ host: machine.ipv4, address: machine.ipv4, pin });
    await until('the clients to be in the log', { seconds: 10 }, async () =>
      (await machine.shell('journalctl -u derp-relay -o cat --no-pager')).includes(`"address":"${machine.host.ipv4}"`),
    );
    await machine.writeFile('/srv/derp-map.json', JSON.stringify(map));
    const probe = await machine.run(
      '/opt/tailscale/derpprobe',
      ['-derp-map', 'file:///srv/derp-map.json', '-once', '-spread=false', '-tls-interval', '0'],
      { timeout: 90 },
    );
    await machine.shell('rm /srv/derp-map.json');
    // It says so once it is in: Go remembers no server name for an address.
    expect(probe.stdout + probe.stderr).toMatch(
      /good: derp\/myderp\/900a\/900a\/mesh|TLS server name "" != derp hostname/,
    );
    await expectSites();
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
  });
});

it('after all that, the machine is as it was booted', async () => {
  expect(diffTrees(pristine, tree())).toEqual([]);
  await expectSites();
});
