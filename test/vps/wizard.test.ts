/** The wizard in a real terminal, from a fresh machine to a removed relay, in both languages. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diffTrees, type FileTree } from './support/file-tree.ts';
import { bootMachine, type Machine } from './support/machine.ts';
import { NOT_OURS } from './support/not-ours.ts';
import { Conversation } from './support/prompts.ts';
import { keepScreens } from './support/screens.ts';
import type { TerminalOptions } from './support/terminal.ts';
import { until } from './support/wait.ts';

/** To install, prove and report, on a loaded machine. */
const INSTALL_SECONDS = 120;
const NOTHING_CHANGED = 'Nothing was changed.';

let machine: Machine;
let pristine: FileTree;

beforeAll(async () => {
  machine = await bootMachine({ name: 'wizard' });
  await machine.shell('useradd --create-home --shell /bin/bash alice');
  pristine = machine.fileTree(['/'], NOT_OURS);
});
afterAll(() => machine.stop());

const untouched = () => expect(diffTrees(pristine, machine.fileTree(['/'], NOT_OURS))).toEqual([]);
const INSTALLED = '/usr/local/bin/derp-setup';

/** Starts a command in a terminal of its own. */
async function begin(command: string, options: TerminalOptions = {}): Promise<Conversation> {
  const terminal = machine.terminal({ columns: 80, rows: 70, ...options });
  // A shell in between would take a Ctrl-C for its own.
  await terminal.start(`exec ${command}`);
  return new Conversation(terminal);
}

/** Starts derp-setup as it comes from npm. */
const beginFresh = (args: readonly string[] = [], options?: TerminalOptions) =>
  begin(machine.npxCommand(args), options);

/** Answers the questions up to the one about who may use the relay. */
async function acceptUpToAdmission(wizard: Conversation): Promise<void> {
  await wizard.accept('How will clients reach this relay?');
  await wizard.choose('? Certificate', 'Self-signed');
  await wizard.accept('? Run it with');
  await wizard.accept('? Ports');
  await wizard.isAsked('? Who may use it?');
}

/** Answers all questions, in the end to open the relay to everybody, up to the plan. */
async function acceptUpToPlan(wizard: Conversation): Promise<void> {
  await acceptUpToAdmission(wizard);
  await wizard.choose('? Who may use it?', 'anyone');
  await wizard.choose('? Really open to anyone?', 'yes');
  await wizard.accept('? Region in the map');
  await wizard.isAsked('? Go on?');
}

/** Presses Ctrl-C, which must end the program as an interrupted one, having said that nothing was done. */
async function interrupt({ terminal }: Conversation): Promise<void> {
  await terminal.key('C-c');
  expect(await terminal.waitForExit(30)).toBe(130);
  expect(await terminal.history()).toContain(NOTHING_CHANGED);
}

/** What the installed relay listens on, by `ss`. */
const listeners = async () => (await machine.shell("ss -Hltun | awk '{print $5}'")).trim().split('\n');

describe('before anything is done', () => {
  it('Ctrl-C ends it at the first question, in the middle and at the plan', async () => {
    const first = await beginFresh();
    await first.isAsked('How will clients reach this relay?');
    await interrupt(first);

    const middle = await beginFresh();
    await acceptUpToAdmission(middle);
    await interrupt(middle);

    const plan = await beginFresh();
    await acceptUpToPlan(plan);
    await interrupt(plan);
    untouched();
  });

  it('no is no', async () => {
    const wizard = await beginFresh();
    await acceptUpToPlan(wizard);
    await wizard.type('? Go on?', 'n');
    expect(await wizard.terminal.waitForExit(30)).toBe(0);
    expect(await wizard.terminal.screen()).toMatch(/Nothing was changed\.$/);
    untouched();
  });

  it('ends when the terminal goes away, or when it is told to', async () => {
    const left = await beginFresh();
    await acceptUpToAdmission(left);
    await left.terminal.close();
    const gone = async () => (await machine.run('pgrep', ['-f', '[b]in/derp-setup'])).code === 1;
    await until('the program to end', { seconds: 30 }, gone);

    const told = await beginFresh();
    await told.isAsked('How will clients reach this relay?');
    await machine.shell("pkill -TERM -f '^node .*bin/derp-setup'");
    expect(await told.terminal.waitForExit(30)).toBe(130);
    // The terminal shows what is typed again.
    await told.terminal.start('stty -a | tr " " "\\n" | grep -x -- -*echo');
    expect(await told.terminal.waitFor(/echo/)).toBe('echo');
    untouched();
  });

  it('asks nobody without a terminal', async () => {
    for (const away of ['</dev/null', '2>/root/told']) {
      const { terminal } = await beginFresh([], {});
      await terminal.start(`${machine.npxCommand(['--verify', 'none'])} ${away}`);
      expect(await terminal.waitForExit(60), away).toBe(2);
      expect(await terminal.history()).not.toContain('?');
    }
    expect(await machine.readFile('/root/told')).toMatch(/--yes +is missing/);
    await machine.shell('rm /root/told');
    untouched();
  });

  it('refuses a wrong value in place, and says why', async () => {
    const wizard = await beginFresh();
    const { terminal } = wizard;
    await wizard.type('How will clients reach this relay?', 'no host');
    await terminal.waitFor('✖ "no host" is neither a host name nor an IP address');
    await terminal.key('C-u');
    // A name that does not lead here is asked about.
    await terminal.type('derp.example.invalid');
    await terminal.key('Enter');
    await wizard.choose('does not resolve yet. Use it all the same?', 'no, another one');
    await wizard.isAsked('How will clients reach this relay?');
    await terminal.key('C-u');
    await terminal.type(machine.ipv4);
    await terminal.key('Enter');
    await wizard.choose('? Certificate', 'Files I already have');
    await wizard.type('Certificate chain (PEM file)', '/etc/hostname');
    await terminal.waitFor('✖ /etc/hostname ');
    // Out of the files and back to the ways.
    await terminal.key('Escape');
    await wizard.choose('? Certificate', 'Self-signed');
    await wizard.accept('? Run it with');
    await wizard.type('? Ports', 'c');
    await wizard.type('DERP over HTTPS (TCP port)', '70000');
    await terminal.waitFor('✖ 70000 is not a port (1 to 65535)');
    await terminal.key('Escape');
    await wizard.type('? Ports', 'x');
    await terminal.waitFor('✖ x is none of these');
    await interrupt(wizard);
    untouched();
  });

  it('names who has a port, and offers another one', async () => {
    const listen = "require('node:net').createServer().listen(443)";
    await machine.shell(`systemd-run --quiet --unit=other /opt/node-24/bin/node -e "${listen}"`);
    await until('the port to be taken', { seconds: 30 }, async () =>
      (await listeners()).some((at) => /:443$/.test(at)),
    );
    const wizard = await beginFresh();
    const { terminal } = wizard;
    await wizard.accept('How will clients reach this relay?');
    expect(await terminal.screen()).toMatch(/Port 443 +in use by node \(pid \d+\)|Port 443 +node \(pid \d+\)/);
    await wizard.choose('? Certificate', 'Self-signed');
    await wizard.accept('? Run it with');
    const question = await wizard.isAsked('? Ports');
    expect(question).toMatch(/! 443 is in use by node \(pid \d+\)/);
    expect(question).not.toContain('keep');
    await wizard.accept('? Ports');
    expect(await wizard.isAsked('DERP over HTTPS (TCP port)')).toContain('8443');
    await terminal.type('443');
    await terminal.key('Enter');
    await terminal.waitFor(/✖ 443 is in use by node/);
    await interrupt(wizard);
    await machine.shell('systemctl stop other');
    untouched();
  });

  it('goes back with Escape, one question each time, and from the plan to the questions', async () => {
    const wizard = await beginFresh();
    const { terminal } = wizard;
    await acceptUpToPlan(wizard);
    await terminal.key('Escape');
    await wizard.isAsked('? Region in the map');
    await terminal.key('Escape');
    // A slip of the finger opens nothing: Enter takes the no.
    await wizard.choose('? Who may use it?', 'anyone');
    await wizard.accept('? Really open to anyone?');
    await wizard.isAsked('? Who may use it?');
    await terminal.key('Escape');
    await wizard.isAsked('? Ports');
    await terminal.key('Escape');
    await wizard.isAsked('? Run it with');
    // Below the plan stand the answers once more, without those that were taken back.
    const answers = (await terminal.screen()).split(/prove it: .*/).at(-1);
    expect(answers).toContain('✔ Certificate');
    expect(answers).not.toMatch(/✔ (Runs as|Ports|Open to|Region)/);
    await interrupt(wizard);
    untouched();
  });

  it('shows the differences, and saves answers that a script can go on with', async () => {
    const file = '/root/derp-setup-answers.json';
    const wizard = await beginFresh(['--region-code', 'ber']);
    const { terminal } = wizard;
    await acceptUpToPlan(wizard);
    await wizard.type('? Go on?', 'd');
    await until('the differences', { seconds: 30 }, async () =>
      (await terminal.history()).includes('+++ /etc/systemd/system/derp-relay.service'),
    );
    expect(await terminal.history()).not.toMatch(/PRIVATE KEY|privkey:/);
    await wizard.type('? Go on?', 's');
    await wizard.accept('? Save the answers to');
    await terminal.waitFor(`npx derp-setup --yes --answers ${file}`);
    // What is there already is replaced only when that is said.
    await wizard.type('? Go on?', 's');
    await wizard.accept('? Save the answers to');
    await wizard.accept('is there already. Replace it?');
    await wizard.type('? Go on?', 'n');
    expect(await terminal.waitForExit(30)).toBe(0);

    expect(JSON.parse(await machine.readFile(file))).toEqual({ verify: 'none', regionCode: 'ber' });
    const script = await machine.npx(['--answers', file, '--yes', '--dry-run', '--json']);
    expect(script.code, script.stderr).toBe(0);
    const { verify, plan, derpMap } = JSON.parse(script.stdout);
    expect({ verify, code: derpMap.Regions['900'].RegionCode }).toEqual({ verify: 'none', code: 'ber' });
    expect(plan.length).toBeGreaterThan(5);
    await machine.shell(`rm ${file}`);
    untouched();
  });
});

describe('a first run in English', () => {
  it('is answered with Enter for the most part, and ends with a relay that works', async () => {
    const wizard = await beginFresh();
    const { terminal } = wizard;
    await acceptUpToPlan(wizard);
    expect(await terminal.screen()).toMatch(/Port 443 +free +Port 80 +free +Port 3478\/udp +free/);
    const plan = await terminal.screen();
    await wizard.type('? Go on?', 'd');
    await terminal.waitFor(/\+RandomizedDelaySec[\s\S]*\? Go on\?/, 30);
    const [, pin] = /\+ +certname: "(sha256-raw:[0-9a-f]{64})"/.exec(await terminal.history()) ?? [];
    await wizard.accept('? Go on?');
    expect(await terminal.waitForExit(INSTALL_SECONDS)).toBe(0);
    const shown = await terminal.history();

    // What was shown is what was written.
    expect(pin).toBeDefined();
    expect(await machine.readFile('/etc/derp-setup/derp-map.json')).toContain(pin);
    // Every line of the plan is done, in its words.
    const planned = [...plan.matchAll(/^ +\d+ {2}(.+?)(?: {3}.*)?$/gm)].map(([, text]) => text!);
    expect(planned.length).toBeGreaterThanOrEqual(8);
    for (const text of planned.slice(0, -1)) expect(shown).toContain(`  ✔ ${text}`);
    for (const promised of [
      /^✔ The relay works: 200 of 200 packets/m,
      /"HostName": "203\.0\.113\.\d+"/,
      /Headscale +\/etc\/derp-setup\/headscale-derp\.yaml/,
      /Certificate +to \d{4}-\d\d-\d\d/,
      /looked at twice a day, next \d{4}-\d\d-\d\d \d\d:\d\d/,
      /Written +\/usr\/local\/lib\/derp-setup\//,
      /Let in +443\/tcp, 80\/tcp, 3478\/udp/,
      new RegExp(`npx derp-setup probe ${machine.ipv4} --pin sha256-raw:[0-9a-f]{64}`),
      ...[/^ +derp-setup status/m, /^ +derp-setup doctor/m, /^ +derp-setup uninstall/m],
    ])
      expect(shown).toMatch(promised);
    expect(await machine.shell('systemctl is-active derp-relay')).toBe('active\n');
    keepScreens('en', { ipv4: machine.ipv4, asked: wizard.asked, plan, shown });
  });
});

describe('run again', () => {
  const menu = 'What next?';
  const openMenu = async (options: TerminalOptions = {}) => {
    const again = await begin(INSTALLED, { columns: 100, ...options });
    await again.isAsked(menu);
    return again;
  };

  it('says how the relay is, and is left with Escape, by quitting, and with Ctrl-C', async () => {
    const escaped = await openMenu();
    expect(await escaped.terminal.screen()).toMatch(
      /^ +derp-relay 0\.1\.0 · up .* · 0 clients · .* relayed · certificate to \d{4}-\d\d-\d\d$/m,
    );
    expect(await escaped.terminal.screen()).not.toContain('Upgrade');
    await escaped.terminal.key('Escape');
    expect(await escaped.terminal.waitForExit(30)).toBe(0);

    const quit = await openMenu();
    await quit.choose(menu, 'Quit');
    expect(await quit.terminal.waitForExit(30)).toBe(0);

    const interrupted = await openMenu();
    await interrupted.terminal.key('C-c');
    expect(await interrupted.terminal.waitForExit(30)).toBe(130);
  });

  it('comes back after what only looks, and after what had nothing to do', async () => {
    const tree = machine.fileTree(['/'], NOT_OURS);
    const again = await openMenu();
    const { terminal } = again;
    await again.choose(menu, 'Show status');
    await terminal.waitFor(/Clients +0 now/, 30);
    await terminal.key('C-c');

    await again.choose(menu, 'Show what to paste');
    await terminal.waitFor('"derpMap": {', 30);
    await again.isAsked(menu);
    expect(await terminal.history()).toContain('Headscale: /etc/derp-setup/headscale-derp.yaml');

    await again.choose(menu, 'Check for trouble');
    await terminal.waitFor(/— Check for trouble[\s\S]*✔[\s\S]*What next\?/, 120);

    await again.choose(menu, 'Renew certificate now');
    await terminal.waitFor(/The certificate is good to [\s\S]*What next\?/, 60);

    await again.choose(menu, 'Change settings');
    // Escape at the first question leads out of the questions.
    await again.isAsked('How will clients reach this relay?');
    await terminal.key('Escape');
    await again.choose(menu, 'Change settings');
    await acceptUpToAdmission(again);
    // Who has an open relay keeps it with Enter.
    await again.accept('? Who may use it?');
    await again.accept('? Really open to anyone?');
    await again.accept('? Region in the map');
    await terminal.waitFor(/Already as described: nothing to do\.[\s\S]*What next\?/, 60);

    await again.choose(menu, 'Remove');
    await again.accept('? Remove all that?');
    await terminal.waitFor(/Nothing was changed\.[\s\S]*What next\?/, 60);
    await terminal.key('Escape');
    expect(await terminal.waitForExit(30)).toBe(0);
    expect(diffTrees(tree, machine.fileTree(['/'], NOT_OURS))).toEqual([]);
  });

  it('changes a port, says so before, and nothing else', async () => {
    const again = await openMenu();
    const { terminal } = again;
    await again.choose(menu, 'Change settings');
    await again.accept('How will clients reach this relay?');
    await again.accept('? Certificate');
    await again.accept('? Run it with');
    await again.type('? Ports', 'c');
    await again.type('DERP over HTTPS (TCP port)', '8443');
    await again.accept('STUN (UDP port');
    await again.accept('Plain HTTP');
    await again.accept('? Who may use it?');
    await again.accept('? Really open to anyone?');
    await again.accept('? Region in the map');
    await again.isAsked('? Go on?');
    const plan = await terminal.screen();
    expect(plan).toMatch(/^ +~ --derp-port +443 → 8443$/m);
    expect(plan.match(/^ +~ /gm)).toHaveLength(1);
    await again.type('? Go on?', 'd');
    await terminal.waitFor(/-.*"derpPort": 443,\n.*\+.*"derpPort": 8443,/, 30);
    await again.accept('? Go on?');
    expect(await terminal.waitForExit(INSTALL_SECONDS)).toBe(0);
    expect(await terminal.history()).toContain('✔ The relay works');
    const open = await listeners();
    expect(open.filter((address) => /:(443|8443)$/.test(address))).toEqual([expect.stringMatching(/:8443$/)]);
  });

  it('goes to the questions when flags say what is to be changed', async () => {
    const wizard = await begin(`${INSTALLED} --derp-port 443 --stun-port 3479 --http-port 80`, { columns: 100 });
    await wizard.accept('How will clients reach this relay?');
    await wizard.accept('? Certificate');
    await wizard.accept('? Run it with');
    await wizard.isAsked('? Who may use it?');
    expect(await wizard.terminal.screen()).toMatch(/· Ports +DERP 443 · STUN 3479 · HTTP 80 +\(--derp-port/);
    await interrupt(wizard);
  });

  it('offers other users what they may do, and says why not the rest', async () => {
    const again = await openMenu({ user: 'alice' });
    const screen = await again.terminal.screen();
    for (const name of ['Change settings', 'Renew certificate now', 'Remove']) {
      expect(screen).toMatch(new RegExp(`^- ${name} +\\(needs root: sudo derp-setup\\)`, 'm'));
    }
    await again.choose(menu, 'Show what to paste');
    await again.terminal.waitFor(/"derpMap": \{[\s\S]*What next\?/, 30);
    await again.terminal.key('Escape');
    expect(await again.terminal.waitForExit(30)).toBe(0);
  });

  it('says what is wrong, and points at what mends it', async () => {
    await machine.shell('systemctl stop derp-relay');
    const again = await openMenu();
    expect(await again.terminal.screen()).toMatch(/! the service does not run[\s\S]*❯ Check for trouble/);
    await again.terminal.key('Escape');
    await machine.shell('systemctl start derp-relay');
  });

  it('upgrades, where an older version is installed', async () => {
    const next = '/srv/next/package';
    await machine.shell(`
      mkdir -p /srv/next && tar -xzf /opt/package/${machine.package.file} -C /srv/next
      sed -i 's/"0\\.1\\.0"/"0.2.0"/' ${next}/package.json ${next}/dist/*.js ${next}/dist/parts/*.js
    `);
    const again = await begin(`${next}/bin/derp-setup.cjs`, { columns: 100 });
    await again.choose(menu, 'Upgrade to 0.2.0');
    await again.isAsked('? Go on?');
    expect(await again.terminal.screen()).toContain('install /usr/local/lib/derp-setup/0.2.0');
    await again.type('? Go on?', 'n');
    await again.terminal.waitFor(/Nothing was changed\.[\s\S]*What next\?/, 60);
    await again.choose(menu, 'Upgrade to 0.2.0');
    await again.accept('? Go on?');
    expect(await again.terminal.waitForExit(INSTALL_SECONDS)).toBe(0);
    const { code, stdout } = await machine.run(INSTALLED, ['status', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).versions).toEqual({ own: '0.2.0', installed: '0.2.0', running: '0.2.0' });
    await machine.shell('rm -r /srv/next');
  });

  it('removes the relay, after its list and a yes', async () => {
    const again = await openMenu();
    await again.choose(menu, 'Remove');
    await again.type('? Remove all that?', 'y');
    expect(await again.terminal.waitForExit(60)).toBe(0);
    expect(await again.terminal.history()).toMatch(
      /✔ remove the system user derp-relay\nRemoved\.\nKept, for the next/,
    );
    expect(await listeners()).toEqual(['']);
  });
});

describe('简体中文', () => {
  beforeAll(() => machine.shell('rm -rf /etc/derp-setup /var/lib/derp-setup'));

  it('asks, plans and reports in Chinese, with other answers than the offered ones', async () => {
    const wizard = await beginFresh([], { env: { LANG: 'zh_CN.UTF-8' } });
    const { terminal } = wizard;
    await wizard.accept('客户端用什么地址连接这台中继？');
    await wizard.choose('? 证书', '自签名');
    await wizard.accept('? 用什么方式运行？');
    await wizard.type('? 端口', 'c');
    await wizard.type('DERP（HTTPS）的 TCP 端口', '70000');
    await terminal.waitFor('✖ 70000 ');
    await terminal.key('C-u');
    await terminal.type('8443');
    await terminal.key('Enter');
    await wizard.accept('STUN 的 UDP 端口');
    await wizard.type('明文 HTTP 的 TCP 端口', '-1');
    await wizard.choose('? 谁可以使用这台中继？', '任何人');
    await wizard.choose('? 确定要对任何人开放吗？', '是，对任何人开放');
    // Back and forth again: what was answered is offered.
    await wizard.isAsked('? derpMap 中的区域');
    await terminal.key('Escape');
    await wizard.isAsked(/谁可以使用[\s\S]*❯ 任何人/);
    await terminal.key('Escape');
    await wizard.isAsked('? 端口  DERP 8443 · STUN 3478 · HTTP 关闭');
    await terminal.key('Enter');
    await wizard.accept('? 谁可以使用这台中继？');
    await wizard.choose('? 确定要对任何人开放吗？', '是，对任何人开放');
    await wizard.type('? derpMap 中的区域', 'c');
    await wizard.type('区域编号', '910');
    await wizard.type('区域代码', 'sha');
    await wizard.type('区域名称', '上海');
    await wizard.isAsked('? 开始执行吗？');
    const plan = await terminal.screen();
    expect(plan).toMatch(/✔ 端口 +DERP 8443 · STUN 3478 · HTTP 关闭/);
    expect(plan).toMatch(/✔ 区域 +910 · sha · “上海”/);
    await wizard.accept('? 开始执行吗？');
    expect(await terminal.waitForExit(INSTALL_SECONDS)).toBe(0);
    const shown = await terminal.history();
    expect(shown).toMatch(/^✔ 中继工作正常/m);
    expect(shown).toMatch(/放行端口 +8443\/tcp, 3478\/udp/);
    const map = JSON.parse(await machine.readFile('/etc/derp-setup/derp-map.json'));
    expect(map.Regions['910']).toMatchObject({
      RegionCode: 'sha',
      RegionName: '上海',
      Nodes: [{ Name: '910a', DERPPort: 8443 }],
    });
    keepScreens('zh', { ipv4: machine.ipv4, asked: wizard.asked, plan, shown });
  });

  it('has its menu in Chinese too, whatever says that it is to', async () => {
    const again = await begin(`${INSTALLED} --lang zh`);
    await again.isAsked('接下来做什么？');
    await again.terminal.key('C-c');
    expect(await again.terminal.waitForExit(30)).toBe(130);
    expect((await machine.run(INSTALLED, ['uninstall', '--purge', '--yes'])).code).toBe(0);
    untouched();
  });
});

describe('other ways through it', () => {
  it('serves in the terminal until Ctrl-C, when that is chosen', async () => {
    const wizard = await beginFresh();
    const { terminal } = wizard;
    await wizard.accept('How will clients reach this relay?');
    await wizard.choose('? Certificate', 'Self-signed');
    await wizard.choose('? Run it with', 'this terminal');
    await wizard.accept('? Ports');
    await wizard.choose('? Who may use it?', 'anyone');
    await wizard.accept('? Region in the map');
    await wizard.accept('? Go on?');
    await terminal.waitFor('Serving until Ctrl-C.', INSTALL_SECONDS);
    expect(await terminal.history()).toContain('✔ The relay works');
    await terminal.key('C-c');
    // The exit code is that of npx's shell, which takes the Ctrl-C for its own.
    await terminal.waitForExit(30);
    expect(await terminal.history()).toMatch(/Stopping: clients are told to come back later\.$/);
    await machine.shell('rm -r /root/.local');
    untouched();
  });

  it('asks about the firewall that is in the way, and opens it only when that is said', async () => {
    await machine.shell('ufw allow 22/tcp && ufw --force enable');
    const wizard = await beginFresh();
    const { terminal } = wizard;
    await acceptUpToAdmission(wizard);
    expect(await terminal.screen()).toMatch(/Firewall +ufw is active/);
    await wizard.choose('? Who may use it?', 'anyone');
    await wizard.choose('? Really open to anyone?', 'yes');
    await wizard.accept('? Region in the map');
    await wizard.choose('ufw keeps clients out. Open 443/tcp, 80/tcp, 3478/udp?', 'no');
    await wizard.isAsked('? Go on?');
    expect(await terminal.screen()).not.toMatch(/\d {2}open /);
    await terminal.key('Escape');
    await wizard.choose('ufw keeps clients out.', 'yes');
    await wizard.isAsked('? Go on?');
    expect(await terminal.screen()).toMatch(/\d {2}open 443\/tcp, 80\/tcp, 3478\/udp in ufw/);
    await wizard.accept('? Go on?');
    expect(await terminal.waitForExit(INSTALL_SECONDS)).toBe(0);
    expect(await machine.shell('ufw status')).toMatch(/443\/tcp +ALLOW/);
  });
});
