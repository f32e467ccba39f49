/** Lists of addresses from the command line to what the relay is told, and back at the next run. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { mountsOf } from '../../../src/deploy/compose/mounts.ts';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import { checkAddressLists, lookAtListFile } from '../../../src/setup/access/address-check.ts';
import type { PrepareInput } from '../../../src/setup/answers/resolved.ts';
import { mountProblems } from '../../../src/setup/compose/requirements.ts';
import { prepareSetup } from '../../../src/setup/prepare.ts';
import { temporaryDirectory } from '../../temporary.ts';
import { plainFacts } from '../facts.ts';

const { signal } = new AbortController();
const switches = { openFirewall: false, takeOver: false, overwrite: false, noStart: false };
let folder: string;
beforeEach(() => {
  folder = temporaryDirectory();
});

const prepare = (changes: Partial<PrepareInput> = {}) =>
  prepareSetup({
    flags: {},
    environment: {},
    userRoot: join(folder, 'root'),
    switches,
    signal,
    logLevel: 'silent',
    now: new Date(),
    facts: plainFacts,
    ...changes,
  });

async function prepared(changes: Partial<PrepareInput> = {}) {
  const result = await prepare(changes);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result;
}

function file(name: string, text: string, mode = 0o644): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('lists of addresses', () => {
  it('reach the relay, with the addresses by which clients dial it allowed beside them', async () => {
    const list = file('cn', '192.0.2.0/24\n# home\n2001:db8::/32\n');
    const { plan } = await prepared({
      flags: {
        host: '203.0.113.7',
        ipv6: '2001:db8:1::7',
        allowCidr: `198.51.100.0/24 ${list}`,
        denyCidr: '198.51.100.9',
      },
    });
    expect(plan.relay).toMatchObject({
      allowCidr: { ranges: ['198.51.100.0/24', '203.0.113.7', '2001:db8:1::7'], files: [list] },
      denyCidr: { ranges: ['198.51.100.9'], files: [] },
    });
  });

  it('are none where nobody asks for them, and nothing is added to them then', async () => {
    const { plan } = await prepared({ flags: { host: '203.0.113.7', denyCidr: '198.51.100.9' } });
    expect(plan.relay.allowCidr).toBeNull();
    const named = await prepared({ flags: { host: 'derp.example.com', ipv4: 'none', allowCidr: '198.51.100.9' } });
    expect(named.plan.relay.allowCidr).toEqual({ ranges: ['198.51.100.9'], files: [] });
  });

  it('may come from the environment, or as a list of an answers file, and are kept for the next run', async () => {
    const list = file('my list, old', '192.0.2.1\n');
    const environment = { DERP_SETUP_DENY_CIDR: '192.0.2.7' };
    const answersPath = file(
      'answers.json',
      JSON.stringify({ allowCidr: ['192.0.2.0/24', list], clientRate: '10M:20M' }),
    );
    const first = await prepared({ environment, answersPath });
    const told = {
      allowCidr: { ranges: expect.arrayContaining(['192.0.2.0/24']), files: [list] },
      denyCidr: { ranges: ['192.0.2.7'], files: [] },
      clientRate: { bytesPerSecond: 10_000_000, burstBytes: 20_000_000 },
    };
    expect(first.plan.relay).toMatchObject(told);
    const saved = first.plan.steps.find((step) => step.kind === 'file' && step.purpose === 'config');
    if (saved?.kind !== 'file') throw new Error('nothing is saved');
    mkdirSync(join(saved.path, '..'), { recursive: true });
    writeFileSync(saved.path, saved.content);
    expect((await prepared()).plan.relay).toMatchObject(told);
    const without = await prepared({ flags: { allowCidr: 'none', clientRate: 'none' } });
    expect(without.plan.relay).toMatchObject({ allowCidr: null, denyCidr: told.denyCidr, clientRate: null });
  });

  it('are told as what they are, also with no key asked for', async () => {
    const { notes } = await prepared({ flags: { verify: 'none', allowCidr: '192.0.2.0/24' } });
    expect(notes.map(({ code }) => code)).toContain('open-to-addresses');
    expect(notes.map(({ code }) => code)).not.toContain('open-relay');
  });

  it('are refused with everything that is wrong, the line of a file by its number', async () => {
    const cut = file('cut', '192.0.2.0/24\n\n192.0.2.0/2\n4\n');
    const empty = file('empty', '# nobody yet\n');
    const flags = { allowCidr: `${empty}`, denyCidr: `${cut},${join(folder, 'missing')},${folder}` };
    const result = await prepare({ flags });
    if (result.ok) throw new Error('nothing is wrong');
    expect(result.problems).toMatchObject([
      { flag: '--allow-cidr', value: empty, rule: { code: 'empty-address-list' } },
      { flag: '--deny-cidr', value: cut, rule: { code: 'bad-address-line', line: 3, text: '192.0.2.0/2' } },
      { flag: '--deny-cidr', value: join(folder, 'missing'), rule: { code: 'file', problem: 'missing' } },
      { flag: '--deny-cidr', value: folder, rule: { code: 'file', detail: 'not a plain file' } },
    ]);
  });

  it('must be for the service to read, where there is one', async () => {
    const path = file('list', '192.0.2.1\n');
    const answers = { allowCidr: { ranges: [], files: [path] }, denyCidr: undefined };
    expect(await checkAddressLists(answers, {}, { asService: false })).toEqual([]);
    expect(await checkAddressLists(answers, {}, { asService: true })).toEqual([
      { subject: '--allow-cidr', flag: '--allow-cidr', value: path, rule: { code: 'unreachable-by-relay' } },
    ]);
    expect(await lookAtListFile('/etc/hostname', true)).toMatchObject({ rule: { code: 'bad-address-line', line: 1 } });
    expect(await lookAtListFile(path, false)).toEqual({ ranges: 1 });
    expect(readFileSync(path, 'utf8')).toBe('192.0.2.1\n');
  });
});

describe('a relay in a container', () => {
  const layout = layoutBelow('/');
  const source = (...files: string[]) => ({ ranges: ['192.0.2.1'], files });

  it('is given the directories of its lists', () => {
    const relay = {
      admission: null,
      allowCidr: source('/srv/lists/a', '/etc/derp-setup/b'),
      denyCidr: source('/srv/lists/c', '/opt/x/d'),
    };
    const further = mountsOf(relay, layout).map(({ path }) => path);
    expect(further.slice(3)).toEqual(['/srv/lists', '/opt/x']);
  });

  it('is refused lists in a directory that it has itself', () => {
    const answers = { verify: undefined, allowCidr: source('/etc/cn.txt'), denyCidr: source('/srv/lists/a') };
    expect(mountProblems(answers, layout)).toEqual([
      {
        subject: '--allow-cidr',
        flag: '--allow-cidr',
        value: '/etc/cn.txt',
        rule: { code: 'directory-not-mountable', directory: '/etc' },
      },
    ]);
    expect(mountProblems({ ...answers, allowCidr: 'none' }, layout)).toEqual([]);
  });
});
