/**
 * A server whose port 80 is nginx's, with two websites on it. Certificates are ordered by http-01 all the same, as nginx
 * hands on what comes for the relay's host; so do the questions of clients that look for captive portals. The authority
 * is Pebble, on the other end of the machine's cable.
 */
import { X509Certificate } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Pebble, startPebble } from '../acme/support/pebble.ts';
import { makeChain } from '../setup/certificate/authority.ts';
import { nameMachine } from '../vps/support/derper.ts';
import { diffTrees, type FileTree } from '../vps/support/file-tree.ts';
import { bootMachine, type Machine } from '../vps/support/machine.ts';
import { NOT_OURS } from '../vps/support/not-ours.ts';
import { until } from '../vps/support/wait.ts';

const HOST = 'derp.example.com';
/** Behind the other sites: none of them is named as the default, so that the first is. */
const FILE = '/etc/nginx/sites-enabled/zz-derp-setup.conf';
/** What differs after a run without being its doing. */
const ELSEWHERE = [...NOT_OURS, '/var/log/nginx'];

let machine: Machine;
let authority: Pebble;
let pristine: FileTree;

const site = (name: string) => `server {
    listen 80;
    listen [::]:80;
    server_name ${name};
    location / { return 200 "this is ${name}\\n"; }
}
`;

beforeAll(async () => {
  machine = await bootMachine({ name: 'nginx-challenge', image: 'nginx', network: { ipv6: true } });
  await nameMachine(machine, HOST);
  const address = machine.host.ipv4;
  const identity = await makeChain({ type: 'ip', value: address });
  authority = await startPebble({ address, identity, httpPort: 80, tlsPort: 443, ipv4: machine.ipv4 });
  await machine.writeFile('/usr/local/share/ca-certificates/issuer.crt', await authority.issuingRoot());
  await machine.writeFile('/usr/local/share/ca-certificates/server.crt', identity.root);
  await machine.shell('update-ca-certificates 2>&1');
  await machine.shell('rm /etc/nginx/sites-enabled/default');
  await machine.writeFile('/etc/nginx/sites-enabled/one', site('one.example'));
  await machine.writeFile('/etc/nginx/sites-enabled/two', site('two.example'));
  await machine.shell('nginx -t && systemctl reload nginx');
  await eventually('the sites to answer', expectSites);
  pristine = machine.fileTree(['/'], ELSEWHERE);
});
afterAll(async () => {
  await authority?.stop();
  await machine?.stop();
});

/** What port 80 answers to a request for a host, by IPv4 or IPv6. */
function ask(host: string, path = '/', headers: Record<string, string> = {}, address = machine.ipv4) {
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const asked = request({ host: address, path, headers: { Host: host, ...headers }, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
    });
    asked.setTimeout(10_000, () => asked.destroy(new Error('no answer')));
    asked.on('error', reject).end();
  });
}

/** Workers that have served before a reload may take one more request. */
const eventually = (what: string, look: () => Promise<void>) =>
  until(what, { seconds: 20 }, async () => {
    await look();
    return true;
  });

const installed = (...args: string[]) => machine.run('/usr/local/bin/derp-setup', args, { timeout: 150 });
const order = () => ['--cert', 'letsencrypt', '--acme-directory', authority.directoryUrl];
const leafOf = async (host: string) =>
  new X509Certificate(await machine.readFile(`/etc/derp-setup/certs/${host.replaceAll(':', '')}.crt`));

/** The websites are as they were. */
async function expectSites(): Promise<void> {
  for (const name of ['one.example', 'two.example']) {
    for (const address of [machine.ipv4, machine.ipv6!]) {
      expect(await ask(name, '/', {}, address)).toMatchObject({ status: 200, text: `this is ${name}\n` });
    }
  }
  expect((await ask('stranger.example')).text).toBe('this is one.example\n');
}

/** @param except what the run has kept on purpose */
async function expectUntouched(except: readonly string[] = []): Promise<void> {
  expect(diffTrees(pristine, machine.fileTree(['/'], [...ELSEWHERE, ...except]))).toEqual([]);
  await expectSites();
  expect((await ask(HOST)).text).toBe('this is one.example\n');
}

describe('a server whose port 80 is nginx’s', () => {
  it('shows what it would tell nginx, and changes nothing for that', async () => {
    const run = await machine.npx(['--dry-run', '--json', '--verify', 'none', '--host', HOST]);
    expect(run.code, run.stderr + run.stdout).toBe(0);
    const { plan } = JSON.parse(run.stdout);
    expect(plan).toContainEqual(expect.objectContaining({ kind: 'file', subject: FILE }));
    expect(plan).toContainEqual(expect.objectContaining({ kind: 'nginx' }));
    await expectUntouched();
  });

  it('gets a certificate for its name by http-01, before the relay runs', async () => {
    const args = ['--yes', '--json', '--verify', 'none', '--host', HOST, ...order(), '--acme-challenge', 'http-01'];
    const run = await machine.npx(args, { timeout: 150 });
    expect(run.code, run.stderr + run.stdout).toBe(0);
    const document = JSON.parse(run.stdout);
    expect(document).toMatchObject({ ok: true, verification: { ok: true }, ports: { derp: 443, http: 80 } });
    expect(document.derpMap.Regions['900'].Nodes[0]).toMatchObject({ HostName: HOST, CanPort80: true });
    expect((await leafOf(HOST)).subjectAltName).toBe(`DNS:${HOST}`);
    await expectSites();
  });

  it('answers clients that look for a captive portal, by both families', async () => {
    for (const address of [machine.ipv4, machine.ipv6!]) {
      const answer = await ask(HOST, '/generate_204', { 'X-Tailscale-Challenge': 'ts_abc' }, address);
      expect(answer.status).toBe(204);
      expect(answer.headers['x-tailscale-response']).toBe('response ts_abc');
    }
    expect(await ask(HOST, '/x?y=1')).toMatchObject({ status: 302, headers: { location: `https://${HOST}/x?y=1` } });
    const seen = await installed('probe', HOST, '--json');
    const check = JSON.parse(seen.stdout).checks.find(({ id }: { id: string }) => id === 'captive-portal');
    expect(check, seen.stdout).toMatchObject({ status: 'ok' });
  });

  it('keeps the relay’s own plain HTTP from everybody else', async () => {
    const relay = JSON.parse(await machine.readFile('/etc/derp-setup/relay.json'));
    expect(relay).toMatchObject({ httpPort: 8080, httpHost: '127.0.0.1', listen: { host: null, port: 443 } });
    await expect(fetch(`http://${machine.ipv4}:8080/generate_204`)).rejects.toThrow();
  });

  it('is as doctor would have it: that nginx has the port is no fault', async () => {
    const { stdout } = await installed('doctor', '--json');
    const { findings } = JSON.parse(stdout);
    expect(findings.filter(({ level }: { level: string }) => level === 'failed')).toEqual([]);
    expect(findings).toContainEqual(expect.objectContaining({ id: 'ports-held', level: 'ok' }));
  });

  it('has nothing to do when it is run again', async () => {
    expect(await machine.npx(['--yes'])).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
  });

  it('renews with the running relay answering', async () => {
    const before = await leafOf(HOST);
    const renewal = await installed('renew', '--force', '--json');
    expect(renewal.code, renewal.stderr).toBe(0);
    expect(JSON.parse(renewal.stdout)).toMatchObject({ renewed: true });
    expect((await leafOf(HOST)).fingerprint256).not.toBe(before.fingerprint256);
    await expectSites();
  });

  it('says so when nginx is stopped, and renews when it runs again', async () => {
    await machine.shell('systemctl stop nginx');
    // Pebble takes an account's earlier proof for a new one now and then, even when told never to: one time in a hundred.
    await machine.shell('rm /var/lib/derp-setup/acme/account.key /var/lib/derp-setup/acme/accounts.json');
    const failed = await installed('renew', '--force');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('port 80');
    // It does not take nginx's place meanwhile: nginx could not start again.
    expect(await machine.npx(['--yes'])).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
    await machine.shell('systemctl start nginx');
    const renewal = await installed('renew', '--force');
    expect(renewal.code, renewal.stderr).toBe(0);
    await expectSites();
  });

  it('goes on serving when somebody has broken nginx’s configuration since', async () => {
    await machine.writeFile('/etc/nginx/sites-enabled/three', 'server { nonsense; }\n');
    expect(await machine.npx(['--yes'])).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
    await machine.shell('rm /etc/nginx/sites-enabled/three');
  });

  it('changes to an address as its host', async () => {
    const run = await machine.npx(['--yes', '--json', '--host', machine.ipv4], { timeout: 150 });
    expect(run.code, run.stderr + run.stdout).toBe(0);
    expect((await leafOf(machine.ipv4)).subjectAltName).toBe(`IP Address:${machine.ipv4}`);
    expect(await machine.readFile(FILE)).toContain(`server_name ${machine.ipv4};`);
    await expectSites();
  });

  it('does without port 80 when that is wished, and leaves nginx as it was', async () => {
    const run = await machine.npx(['--yes', '--json', '--http-port', '-1'], { timeout: 150 });
    expect(run.code, run.stderr + run.stdout).toBe(0);
    expect(await machine.exists(FILE)).toBe(false);
    await eventually('nginx to have forgotten the relay', async () => {
      expect((await ask(machine.ipv4)).text).toBe('this is one.example\n');
    });
    const back = await machine.npx(['--yes', '--json', '--http-port', '80'], { timeout: 150 });
    expect(back.code, back.stderr + back.stdout).toBe(0);
    expect(await machine.exists(FILE)).toBe(true);
  });

  it('leaves no trace when it is uninstalled', async () => {
    const run = await installed('uninstall', '--yes', '--purge');
    expect(run.code, run.stderr).toBe(0);
    await eventually('nginx to have read its configuration again', () => expectUntouched());
  });
});

describe('when nginx is removed', () => {
  it('the relay takes port 80 itself, and is uninstalled as ever', async () => {
    const install = await machine.npx(['--yes', '--json', '--verify', 'none', '--host', HOST], { timeout: 120 });
    expect(install.code, install.stderr + install.stdout).toBe(0);
    expect(await machine.exists(FILE)).toBe(true);
    await machine.shell('systemctl stop nginx && mv /usr/sbin/nginx /usr/sbin/nginx.aside');
    try {
      const run = await machine.npx(['--yes', '--json'], { timeout: 120 });
      expect(run.code, run.stderr + run.stdout).toBe(0);
      expect(await machine.exists(FILE)).toBe(false);
      expect(await ask(HOST, '/generate_204')).toMatchObject({ status: 204 });
      const gone = await installed('uninstall', '--yes', '--purge');
      expect(gone.code, gone.stderr).toBe(0);
    } finally {
      await machine.shell('mv /usr/sbin/nginx.aside /usr/sbin/nginx && systemctl start nginx');
    }
    await expectUntouched();
  });
});

describe('where nginx cannot hand on', () => {
  const dry = async (...args: string[]) => {
    const run = await machine.npx(['--dry-run', '--json', '--verify', 'none', '--host', HOST, ...args]);
    return { ...run, document: JSON.parse(run.stdout) };
  };
  const reload = () => machine.shell('systemctl reload nginx');

  it('a site of the same name is named, and kept', async () => {
    await machine.writeFile('/etc/nginx/sites-enabled/three', site(HOST));
    await reload();
    const { code, document, stderr } = await dry();
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('/etc/nginx/sites-enabled/three');
    expect(document.plan.map(({ kind }: { kind: string }) => kind)).not.toContain('nginx');
    expect(document.derpMap.Regions['900'].Nodes[0]).not.toHaveProperty('CanPort80');
    const asked = await dry('--http-port', '80');
    expect(asked.code).toBe(2);
    expect(asked.document.problems).toEqual([expect.objectContaining({ code: 'nginx-in-the-way' })]);
    await machine.shell('rm /etc/nginx/sites-enabled/three && systemctl reload nginx');
  });

  it('a configuration that nginx itself refuses is left alone, and the certificate comes by tls-alpn-01', async () => {
    await machine.writeFile('/etc/nginx/sites-enabled/three', 'server { nonsense; }\n');
    const { code, document, stderr } = await dry(...order());
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('nonsense');
    const step = document.plan.find(({ kind }: { kind: string }) => kind === 'certificate');
    expect(step.details).toContain('tls-alpn-01');
    await machine.shell('rm /etc/nginx/sites-enabled/three');
  });

  it('a run that fails later takes it back', async () => {
    // The authority finds somebody else: the way in is shut but for this machine itself.
    await machine.shell('nft add table inet shut');
    await machine.shell("nft 'add chain inet shut input { type filter hook input priority 0; }'");
    await machine.shell(`nft add rule inet shut input ip saddr ${machine.host.ipv4} tcp dport 80 drop`);
    try {
      const args = ['--yes', '--json', '--verify', 'none', '--host', HOST, ...order(), '--acme-challenge', 'http-01'];
      const run = await machine.npx(args, { timeout: 150 });
      expect(run.code, run.stderr + run.stdout).toBe(1);
    } finally {
      await machine.shell('nft delete table inet shut');
    }
    expect(await machine.exists(FILE)).toBe(false);
    // The account at the authority is kept for the next try.
    const kept = ['/var/lib/derp-setup'];
    await eventually('nginx to have read its configuration again', () => expectUntouched(kept));
  });
});
