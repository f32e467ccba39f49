/** What `status` and `doctor` see of a relay that runs as a service, of what goes wrong with it, and what they mend. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectDerp } from '../../src/client/connect.ts';
import { formatPublicKey, generateKeyPair, shortKey } from '../../src/protocol/keys.ts';
import { bootMachine, type Machine } from './support/machine.ts';
import { until } from './support/wait.ts';

const SETUP = '/usr/local/bin/derp-setup';
const UNIT = 'derp-relay.service';

let machine: Machine;

beforeAll(async () => {
  machine = await bootMachine({ name: 'doctor' });
  const { code, stderr } = await machine.npx(['--yes', '--verify', 'none']);
  expect(code, stderr).toBe(0);
  await machine.shell('useradd --create-home alice');
});
afterAll(() => machine.stop());

interface Found {
  code: number;
  /** What is not as it should be: level and id. */
  bad: string[];
  findings: { id: string; level: string; message: string; remedy?: string; data: Record<string, unknown> }[];
  fixed: { kind: string; ok: boolean }[];
}

async function doctor(...args: string[]): Promise<Found> {
  const { code, stdout, stderr } = await machine.run(SETUP, ['doctor', '--json', ...args], { timeout: 60 });
  expect(stdout, stderr).not.toBe('');
  const { findings, fixed } = JSON.parse(stdout) as Found;
  const bad = findings.filter(({ level }) => level !== 'ok').map(({ level, id }) => `${level} ${id}`);
  return { code, bad, findings, fixed };
}

const status = async (code: number, user?: string) => {
  const finished = await machine.run(SETUP, ['status', '--json'], user === undefined ? {} : { user });
  expect(finished.code, finished.stderr + finished.stdout).toBe(code);
  return JSON.parse(finished.stdout);
};

/** What a relay that anyone may use is told of, on a machine whose clock nothing sets. */
const USUAL = ['warning open-relay', 'warning clock-not-synchronized'];
const beside = ({ bad }: Found) => bad.filter((finding) => !USUAL.includes(finding));

/** Waits until systemd has started the relay again by itself, so that it is known to end. */
const untilRestarted = () =>
  until('the relay to be started again', { seconds: 60 }, async () => {
    return Number(await machine.shell(`systemctl show --property=NRestarts --value ${UNIT}`)) > 0;
  });

/** Starts a program of Node's as a service, and waits until it says that it is ready, by a file. */
async function startProgram(name: string, program: string): Promise<void> {
  const ready = `/run/${name}.ready`;
  await machine.writeFile(
    `/opt/${name}.cjs`,
    `const ready = () => require('node:fs').writeFileSync('${ready}', '');\n${program}`,
  );
  await machine.shell(`systemd-run --quiet --unit=${name} $(command -v node) /opt/${name}.cjs`);
  await until(`${name} to listen`, { seconds: 30 }, () => machine.exists(ready));
}

/** Waits until the doctor finds nothing any more; the relay reads its files again a moment after they are whole. */
const untilWell = () =>
  until('nothing to be found', { seconds: 60, pauseMs: 1000 }, async () => beside(await doctor()).length === 0);

/** Waits until the relay serves again. */
const untilServing = () =>
  until('the relay to serve', { seconds: 60 }, async () => (await machine.run(SETUP, ['status'])).code === 0);

describe('a relay that serves', () => {
  it('is described in full to root, and to everybody', async () => {
    for (const user of [undefined, 'alice']) {
      const document = await status(0, user);
      expect(document).toMatchObject({
        ok: true,
        host: machine.ipv4,
        ports: { derp: 443, http: 80, stun: 3478 },
        service: { active: 'active', enabled: true, restarts: 0 },
        certificate: { mode: 'self-signed', source: 'served' },
        renewal: { active: true, failed: false },
        admission: ['none'],
        relay: { clients: 0 },
        unreadable: [],
      });
      expect(new Date(document.renewal.next).getTime()).toBeGreaterThan(Date.now());
      expect(document.versions.running).toBe(document.versions.installed);
    }
  });

  it('passes the doctor, as root and, but for what only root may see, as anybody', async () => {
    const found = await doctor();
    expect({ code: found.code, bad: beside(found) }).toEqual({ code: 0, bad: [] });
    const fine = found.findings.filter(({ level }) => level === 'ok').map(({ id }) => id);
    expect(fine).toEqual(
      expect.arrayContaining([
        ...['files-fine', 'permissions-fine', 'runtime-fine', 'service-runs', 'ports-held', 'host-leads-here'],
        ...['no-firewall', 'certificate-fine', 'renewal-planned', 'client-served', 'map-fine', 'disk-room', 'log-fine'],
      ]),
    );
    const { code, stdout, stderr } = await machine.run(SETUP, ['doctor', '--json'], { user: 'alice', timeout: 60 });
    const seen = (JSON.parse(stdout) as Found).findings.filter(({ level }) => level !== 'ok').map(({ id }) => id);
    expect({
      code,
      stderr: stderr.includes('rror'),
      seen: seen.filter((id) => !USUAL.includes(`warning ${id}`)),
    }).toEqual({
      code: 0,
      stderr: false,
      seen: ['needs-root'],
    });
    expect((await machine.run(SETUP, ['doctor', '--fix'], { user: 'alice' })).code).toBe(2);
  });

  it('can be reported without its keys and addresses', async () => {
    expect((await machine.run(SETUP, ['doctor', '--report', '/root/trouble.txt'], { timeout: 60 })).code).toBe(0);
    expect(await machine.shell('stat -c %a /root/trouble.txt')).toBe('600\n');
    const report = await machine.readFile('/root/trouble.txt');
    expect(report).toContain('"event":"listening"');
    expect(report).not.toContain(machine.ipv4);
    const key = /privkey:(\w{20})/.exec(await machine.readFile('/var/lib/derp-setup/derper.key'))![1]!;
    expect(report).not.toContain(key);
  });
});

describe('the doctor mends', () => {
  it('a service that was stopped, and units that start no more', async () => {
    await machine.shell(`systemctl disable --now derp-setup-renew.timer ${UNIT}`);
    const document = await status(3);
    expect(document.shortcomings.map(({ code }: { code: string }) => code)).toEqual(['service-stopped']);
    const sick = await doctor();
    expect(sick.code).toBe(1);
    expect(beside(sick)).toEqual([
      'failed service-stopped',
      'warning service-not-enabled',
      'failed timer-stopped',
      'warning timer-not-enabled',
    ]);
    const mended = await doctor('--fix');
    expect(mended.fixed.map(({ kind, ok }) => `${kind} ${ok}`)).toEqual([
      ...['enable true', 'enable true', 'start true', 'start true'],
    ]);
    expect({ code: mended.code, bad: beside(mended) }).toEqual({ code: 0, bad: [] });
  });

  it('modes and owners', async () => {
    await machine.shell(
      'cd /var/lib/derp-setup; chmod 644 derper.key; chown root:root /etc/derp-setup/certs/*.key; chmod 640 /etc/derp-setup/relay.json',
    );
    // The relay notices too, and says so in its log.
    const sick = beside(await doctor()).filter((finding) => finding !== 'warning log-errors');
    expect(sick).toEqual(['failed file-exposed', 'failed file-owner', 'failed file-mode']);
    const mended = await doctor('--fix');
    expect({ code: mended.code, fixed: mended.fixed.map(({ ok }) => ok) }).toEqual({
      code: 0,
      fixed: [true, true, true],
    });
    await untilWell();
    expect(await machine.shell('stat -c "%a %U:%G" /var/lib/derp-setup/derper.key /etc/derp-setup/certs/*.key')).toBe(
      '600 derp-relay:derp-relay\n600 derp-relay:derp-relay\n',
    );
  });

  it('nothing that a link leads to, which a broken-into relay may have made', async () => {
    const key = '/var/lib/derp-setup/derper.key';
    const before = await machine.shell('stat -c "%a %U:%G %Y" /etc/shadow');
    await machine.shell(`cp -a ${key} /root/derper.key; runuser -u derp-relay -- ln -sf /etc/shadow ${key}`);
    const { code, fixed } = await doctor('--fix');
    expect(code).toBe(1);
    expect(fixed.map(({ kind, ok }) => `${kind} ${ok}`)).toEqual(['owner false', 'mode false']);
    expect(await machine.shell('stat -c "%a %U:%G %Y" /etc/shadow')).toBe(before);
    await machine.shell(`rm ${key}; cp -a /root/derper.key ${key}`);
    expect(beside(await doctor())).toEqual([]);
  });

  it('a unit that systemd has not read, and says that it was changed by hand', async () => {
    await machine.shell(`echo '# mine' >>/etc/systemd/system/${UNIT}`);
    expect(beside(await doctor())).toEqual(['warning file-edited', 'warning unit-stale']);
    expect(beside(await doctor('--fix'))).toEqual(['warning file-edited']);
    await machine.shell(`sed -i '$d' /etc/systemd/system/${UNIT}; systemctl daemon-reload`);
  });

  it('a firewall when it is asked to, and uninstalling would close it again', async () => {
    await machine.shell('ufw --force enable');
    const closed = await doctor();
    expect(beside(closed)).toEqual(['failed firewall-closed']);
    expect(closed.findings.find(({ id }) => id === 'firewall-closed')?.remedy).toContain('ufw');
    expect(beside(await doctor('--fix'))).toEqual(['failed firewall-closed']);
    const opened = await doctor('--fix', '--open-firewall');
    expect({ fixed: opened.fixed, bad: beside(opened) }).toEqual({
      fixed: [{ kind: 'open-firewall', ok: true }],
      bad: [],
    });
    const manifest = JSON.parse(await machine.readFile('/etc/derp-setup/installation.json'));
    expect(manifest.firewall).toMatchObject({ tool: 'ufw', openings: [{ port: 443 }, { port: 80 }, { port: 3478 }] });
    await machine.shell('ufw --force disable');
  });
});

describe('the doctor tells', () => {
  it('that the relay will not serve a certificate, and that one which it does serve is not in the map', async () => {
    const certificate = `/etc/derp-setup/certs/${machine.ipv4}`;
    const make = (name: string) =>
      machine.shell(`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=x -addext subjectAltName=${name} -keyout /root/new.key -out /root/new.crt
        cat /root/new.crt >${certificate}.crt; cat /root/new.key >${certificate}.key`);
    await machine.shell(`cp -a ${certificate}.crt /root/old.crt; cp -a ${certificate}.key /root/old.key`);
    const restore = () => machine.shell(`cat /root/old.crt >${certificate}.crt; cat /root/old.key >${certificate}.key`);
    onTestFinished(async () => void (await restore()));
    const untilFound = (...ids: string[]) =>
      until(`the doctor to find ${ids}`, { seconds: 60, pauseMs: 1000 }, async () => {
        const found = beside(await doctor());
        return ids.every((id) => found.includes(id)) && found;
      });
    await make('DNS:other.example.com');
    const refused = ['failed certificate-wrong-host', 'warning log-errors'];
    await untilFound(...refused);
    await make(`IP:${machine.ipv4}`);
    // Only a person can mend the map everywhere.
    expect(await untilFound('failed pin-differs')).toEqual(['failed pin-differs']);
    await restore();
    await untilWell();
  });

  it('why the relay ends as soon as it starts, with its own words', async () => {
    await machine.shell("cp /etc/derp-setup/relay.json /root/relay.json; echo '{' >/etc/derp-setup/relay.json");
    await machine.shell(`systemctl restart ${UNIT}`);
    await untilRestarted();
    const found = await doctor();
    expect(beside(found)).toEqual(expect.arrayContaining(['failed file-unusable', 'failed service-restarting']));
    const { data } = found.findings.find(({ id }) => id === 'service-restarting')!;
    expect(String(data.journal)).toContain('relay.json');
    await status(3);
    await machine.shell(
      `cat /root/relay.json >/etc/derp-setup/relay.json; systemctl reset-failed ${UNIT}; systemctl restart ${UNIT}`,
    );
    await untilServing();
  });

  it('who has its port', async () => {
    await machine.shell(`systemctl stop ${UNIT}`);
    await startProgram('squatter', "require('node:net').createServer().listen(443, ready)");
    await machine.shell(`systemctl start ${UNIT}`);
    await untilRestarted();
    const found = await doctor();
    expect(beside(found)).toEqual(expect.arrayContaining(['failed port-taken']));
    expect(found.findings.find(({ id }) => id === 'port-taken')?.message).toContain('443/tcp is in use by node');
    await machine.shell(`systemctl stop squatter; systemctl reset-failed ${UNIT}; systemctl restart ${UNIT}`);
    await untilServing();
  });

  it('who has its port for STUN, and which flag names another one', async () => {
    await machine.shell(`systemctl stop ${UNIT}`);
    await startProgram('turn', "require('node:dgram').createSocket('udp6').bind(3478, ready)");
    await machine.shell(`systemctl start ${UNIT}`);
    await untilRestarted();
    const { message, remedy } = (await doctor()).findings.find(({ id }) => id === 'port-taken')!;
    expect(message).toContain('3478/udp is in use by node');
    expect(remedy).toContain('--stun-port');
    await machine.shell(`systemctl stop turn; systemctl reset-failed ${UNIT}; systemctl restart ${UNIT}`);
    await untilServing();
  });

  it('several things at once, in both languages, the worst last', async () => {
    // Also when this fails, the tests after it find a unit that is as it was written.
    const tidy = `sed -i '/^# mine$/d' /etc/systemd/system/${UNIT}; systemctl daemon-reload; ufw --force disable`;
    onTestFinished(async () => void (await machine.shell(tidy)));
    await machine.shell(`ufw --force reset; ufw --force enable; chmod 644 /var/lib/derp-setup/derper.key
      systemctl disable --now derp-setup-renew.timer; echo '# mine' >>/etc/systemd/system/${UNIT}`);
    const told = async (...args: string[]) => {
      const terminal = machine.terminal({ columns: 80, rows: 60 });
      await terminal.start([SETUP, 'doctor', ...args].join(' '));
      expect(await terminal.waitForExit(60)).toBe(1);
      const lines = (await terminal.screen()).split('\n');
      await terminal.close();
      return lines;
    };
    const count = (lines: string[], symbol: string) => lines.filter((line) => line.startsWith(`  ${symbol} `)).length;
    const [english, chinese] = [await told(), await told('--lang', 'zh')];
    for (const lines of [english, chinese]) {
      expect([count(lines, '✖'), count(lines, '!')]).toEqual([3, 3 + USUAL.length]);
      const last = (symbol: string) => lines.findLastIndex((line) => line.startsWith(`  ${symbol} `));
      expect(last('✔')).toBeLessThan(last('!'));
      expect(last('!')).toBeLessThan(last('✖'));
    }
    expect(english.join('\n')).toContain('3 things to mend, and 5 warnings.');
    expect(chinese.join('\n')).toContain('有 3 个问题需要处理，另有 5 个警告。');
    expect((await doctor('--fix', '--open-firewall')).bad).toEqual(['warning file-edited', ...USUAL]);
    await machine.shell(tidy);
    expect((await doctor()).bad).toEqual(USUAL);
  });

  it('that strangers are kept out where that was wanted, with the keys of the machine itself', async () => {
    await startProgram(
      'admission',
      `require('node:http').createServer((_, answer) => answer.end('{"Allow":false}')).listen(8080, '127.0.0.1', ready)`,
    );
    const { code, stderr } = await machine.npx(['--yes', '--verify', 'url:http://127.0.0.1:8080/verify']);
    expect(code, stderr).toBe(0);
    const found = await doctor();
    expect({ code: found.code, bad: beside(found) }).toEqual({ code: 0, bad: [] });
    const fine = found.findings.map(({ id }) => id);
    expect(fine).toEqual(expect.arrayContaining(['client-served', 'strangers-refused', 'admission-url-answers']));
    expect(fine).not.toContain('open-relay');
    expect((await status(0)).admission).toEqual(['url']);
    // A second visit takes the first one's knocks for no strangers.
    expect(beside(await doctor())).toEqual([]);
    await machine.shell('systemctl stop admission');
    const unanswered = await doctor();
    expect(beside(unanswered)).toEqual(['failed admission-url-fails']);
  });

  it('who was refused, and why, by no more of the key than tells it apart', async () => {
    const listed = generateKeyPair();
    const stranger = generateKeyPair();
    await machine.writeFile('/etc/derp-keys', `${formatPublicKey(listed.publicKey)} # a laptop\n`);
    const { code, stderr } = await machine.npx(['--yes', '--verify', 'keys:/etc/derp-keys']);
    expect(code, stderr).toBe(0);
    // From the machine that the tests run on, which is another one to it.
    const options = { host: machine.ipv4, port: 443, trust: { kind: 'none' }, timeoutMs: 20_000 } as const;
    (await connectDerp({ ...options, keyPair: listed })).close();
    await expect(connectDerp({ ...options, keyPair: stranger })).rejects.toMatchObject({ code: 'refused' });
    const found = await doctor();
    expect({ code: found.code, bad: beside(found) }).toEqual({ code: 0, bad: ['warning refused-lately'] });
    const { message, data } = found.findings.find(({ id }) => id === 'refused-lately')!;
    const key = shortKey(stranger.publicKey);
    expect(data.refused).toEqual([{ key, reason: 'not in the key file', times: expect.any(Number) }]);
    expect(message).toContain(key);
    expect(JSON.stringify(found)).not.toContain(stranger.publicKey.toString('hex').slice(0, 16));
  });

  it('that the name of the relay leads elsewhere, or nowhere', async () => {
    const name = 'derp.example.com';
    const point = (...lines: string[]) =>
      machine.shell(
        `sed -i '/${name}/d' /etc/hosts; printf '%s\\n' ${lines.map((line) => `'${line} ${name}'`).join(' ')} >>/etc/hosts`,
      );
    await point(machine.ipv4);
    const { code, stderr } = await machine.npx(['--yes', '--host', name, '--cert', 'self-signed', '--verify', 'none']);
    expect(code, stderr).toBe(0);
    expect(beside(await doctor())).toEqual([]);
    await point('198.51.100.77');
    const elsewhere = (await doctor()).findings.find(({ id }) => id === 'address-not-mine')!;
    expect(elsewhere).toMatchObject({
      level: 'failed',
      data: { host: name, address: '198.51.100.77', own: [machine.ipv4] },
    });
    // An old AAAA record, which clients with IPv6 try first.
    await point(machine.ipv4, '2001:db8:77::1');
    expect(beside(await doctor())).toEqual(['warning address-unproven']);
    await machine.shell(`sed -i '/${name}/d' /etc/hosts`);
    expect((await doctor()).bad).toContain('failed host-unresolved');
    await point(machine.ipv4);
  });

  it('that tailscaled is gone', async () => {
    const rules = '.admission = {"tailscaled":{"socket":"/run/tailscale/none.sock"}}';
    await machine.shell(`cp /etc/derp-setup/relay.json /root/relay.json
      node -e 'const fs=require("fs"),f="/etc/derp-setup/relay.json",j=JSON.parse(fs.readFileSync(f));j${rules};fs.writeFileSync(f,JSON.stringify(j))'
      systemctl restart ${UNIT}`);
    await untilServing();
    const found = await doctor();
    expect(found.code).toBe(1);
    expect(beside(found)).toEqual(expect.arrayContaining(['failed tailscaled-absent', 'warning answers-differ']));
    await machine.shell(`cat /root/relay.json >/etc/derp-setup/relay.json; systemctl restart ${UNIT}`);
    await untilServing();
  });
});

describe('after uninstalling', () => {
  it('there is no status', async () => {
    expect((await machine.run(SETUP, ['uninstall', '--yes', '--purge'], { timeout: 60 })).code).toBe(0);
    const { code, stderr } = await machine.npx(['status']);
    expect(code).toBe(1);
    expect(stderr).toContain('no relay is installed here');
  });
});
