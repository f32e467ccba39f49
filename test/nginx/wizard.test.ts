/** The wizard on a machine whose port 443 is nginx's: what it offers, what the plan shows, and that it is done. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diffTrees, type FileTree } from '../vps/support/file-tree.ts';
import { bootMachine, type Machine } from '../vps/support/machine.ts';
import { Conversation } from '../vps/support/prompts.ts';
import { commandWords, derpSetup, notOurs, unpackPackage } from '../vps/support/unpacked.ts';
import { until } from '../vps/support/wait.ts';
import { except } from './support/looks.ts';
import { ALPHA, BETA, makeSites, visit } from './support/sites.ts';

const INSTALL_SECONDS = 120;

let machine: Machine;
let pristine: FileTree;

beforeAll(async () => {
  machine = await bootMachine({ name: 'nginx-wizard', image: 'nginx' });
  await unpackPackage(machine);
  await makeSites(machine);
  pristine = tree();
});
afterAll(() => machine.stop());

const tree = () => machine.fileTree(['/etc', '/usr/local', '/var'], [...notOurs, ...except]);

async function begin(args: readonly string[]): Promise<Conversation> {
  const terminal = machine.terminal({ columns: 100, rows: 120 });
  await terminal.start(`exec ${commandWords(args).join(' ')}`);
  return new Conversation(terminal);
}

describe('the wizard', () => {
  it('offers to share the port with the sites, and shows every edit before it does', async () => {
    const wizard = await begin([]);
    await wizard.accept('How will clients reach this relay?');
    await wizard.choose('? Certificate', 'Self-signed');
    const target = await wizard.isAsked('? Run it with');
    expect(target).toContain(`shares 443 with ${ALPHA} and ${BETA}`);
    await wizard.choose('? Run it with', 'systemd, behind nginx');
    expect(await wizard.accept('? Ports')).toContain('DERP 443');
    await wizard.choose('? Who may use it?', 'anyone');
    await wizard.choose('? Really open to anyone?', 'yes');
    await wizard.accept('? Region in the map');
    await wizard.isAsked('? Go on?');
    const plan = await wizard.terminal.history();
    expect(plan).toContain('have nginx test its configuration and read it again');
    expect(plan.replace(/\s+/g, ' ')).toContain('names no site gets the relay from now on');
    await wizard.type('? Go on?', 'd');
    await until('the differences', { seconds: 30 }, async () =>
      (await wizard.terminal.history()).includes('+    listen 127.0.0.1:8444 ssl http2 default_server'),
    );
    expect(diffTrees(pristine, tree())).toEqual([]);
    await wizard.type('? Go on?', 'y');
    expect(await wizard.terminal.waitForExit(INSTALL_SECONDS)).toBe(0);
    expect(await wizard.terminal.history()).toContain('The relay works');
    for (const name of [ALPHA, BETA]) expect(await visit(machine.ipv4, name)).toMatchObject({ body: name });
  });

  it('says why it cannot be had', async () => {
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'], { timeout: 120 })).code).toBe(0);
    await machine.shell('systemctl stop nginx');
    const wizard = await begin(['--lang', 'zh']);
    await wizard.accept(/^\? /);
    await wizard.choose(/证书/, '自签名');
    expect(await wizard.isAsked(/nginx/)).toContain('（nginx 没有运行）');
    await wizard.terminal.key('C-c');
    expect(await wizard.terminal.waitForExit(30)).toBe(130);
    await machine.shell('systemctl start nginx');
    expect(diffTrees(pristine, tree())).toEqual([]);
  });
});
