import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layoutBelow } from '../../src/deploy/layout.ts';
import { formatKeyFile, generateKeyPair } from '../../src/protocol/keys.ts';
import type { PrepareInput } from '../../src/setup/answers/resolved.ts';
import { prepareSetup } from '../../src/setup/prepare.ts';
import { temporaryDirectory, treeOf } from '../temporary.ts';
import { plainFacts } from './facts.ts';

const switches = { openFirewall: false, takeOver: false, overwrite: false, noStart: false };
const { signal } = new AbortController();
const closers: (() => unknown)[] = [];
let root: string;
beforeEach(() => {
  root = join(temporaryDirectory(), 'state');
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const prepare = (changes: Partial<PrepareInput> = {}) =>
  prepareSetup({
    flags: {},
    environment: {},
    userRoot: root,
    switches,
    signal,
    logLevel: 'silent',
    now: new Date(),
    facts: plainFacts,
    ...changes,
  });

/** The prepared plan; fails the test if there are problems. */
async function prepared(changes: Partial<PrepareInput> = {}) {
  const result = await prepare(changes);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result;
}

/** The problems as `subject code`, after making sure that nothing was written. */
async function problems(changes: Partial<PrepareInput> = {}) {
  const before = treeOf(root);
  const result = await prepare(changes);
  expect(treeOf(root)).toEqual(before);
  if (result.ok) throw new Error('there are no problems');
  return result.problems.map(({ subject, rule }) => `${subject} ${rule.code}`);
}

/** A TCP port and a UDP port of the system's choice, taken until the test is over. */
async function takePorts() {
  const server = createServer().listen(0, '0.0.0.0');
  await once(server, 'listening');
  const socket = createSocket('udp4').bind(0);
  await once(socket, 'listening');
  closers.push(
    () => server.close(),
    () => socket.close(),
  );
  return { tcp: (server.address() as AddressInfo).port, udp: socket.address().port };
}

/** Makes sure that a TCP port is taken; should somebody have been faster, it is taken as well. */
async function occupy(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1');
  closers.push(() => server.close());
  await Promise.race([once(server, 'listening'), new Promise((resolve) => server.on('error', resolve))]);
}

function saveConfig(text: string) {
  const layout = layoutBelow(root);
  mkdirSync(layout.configDirectory, { recursive: true });
  writeFileSync(layout.config, text);
  return layout;
}

describe('prepareSetup in the foreground', () => {
  it('needs no answer at all, and changes nothing', async () => {
    const { answers, plan, certificate, notes } = await prepared();
    expect(answers).toMatchObject({ host: '203.0.113.7', httpPort: -1, cert: 'self-signed', verify: { kind: 'none' } });
    expect(plan.relay.listen.port).toBe(answers.derpPort);
    expect(certificate.pin).toBe(plan.derpMap.Regions['900']!.Nodes[0]!.CertName);
    expect(notes).toContainEqual({ code: 'open-relay' });
    expect(treeOf(root)).toEqual({});
  });

  it('names everything that is wrong at once, in the order of the questions', async () => {
    expect(
      await problems({
        flags: { regionId: '5x', derpPort: '70000', cert: 'manual', stunPort: '0' },
        environment: { DERP_SETUP_HOST: 'a b' },
        answersPath: '/nonexistent/answers.json',
      }),
    ).toEqual([
      '--answers file',
      'DERP_SETUP_HOST not-a-host',
      '--cert needs',
      '--derp-port not-a-port',
      '--stun-port not-a-port',
      '--region-id not-a-number',
    ]);
  });

  it.each([
    [{ cert: 'manual' }, ['--cert needs']],
    [{ cert: 'manual', certFile: '/x' }, ['--cert-file file']],
    [{ cert: 'self-signed', certFile: '/x' }, ['--cert-file only-with']],
    [{ cert: 'letsencrypt', host: '192.168.1.2' }, ['--host private-host']],
    [{ cert: 'letsencrypt', host: '10.0.0.1', eabKid: 'kid-1' }, ['--host private-host', '--eab-kid needs']],
    [{ cert: 'self-signed', email: 'a@example.com' }, ['--email only-with']],
    [{ email: 'nobody' }, ['--email not-an-email']],
    [{ acmeDirectory: 'http://ca.example/dir' }, ['--acme-directory not-a-directory-url']],
    [{ acmeChallenge: 'dns-01' }, ['--acme-challenge not-one-of']],
    [{ deploy: 'nginx-bypass' }, ['--deploy needs-root', '--verify must-choose']],
    [{ deploy: 'kubernetes' }, ['--deploy not-one-of']],
    [{ deploy: 'compose' }, ['--deploy needs-docker', '--deploy needs-root', '--verify must-choose']],
    [{ image: 'node:24-bookworm-slim' }, ['--image only-with']],
    [{ image: 'Node 24' }, ['--image not-an-image']],
    [{ deploy: 'systemd' }, ['--deploy needs-root', '--verify must-choose']],
    [{ deploy: 'systemd', verify: 'nobody' }, ['--deploy needs-root', '--verify not-one-of']],
    [{ verify: 'tailscaled' }, ['--verify needs-tailscaled']],
    [{ verify: 'url:http://example.com/verify' }, ['--verify not-an-admission-url']],
    [{ verify: 'keys:/nonexistent' }, ['--verify bad-key-list']],
    [{ host: '203.0.113.7', ipv4: '203.0.113.8' }, ['--ipv4 contradicts-host']],
    [{ derpPort: '18443', httpPort: '18443' }, ['--http-port same-port']],
  ])('%j', async (flags, expected) => {
    expect(await problems({ flags })).toEqual(expected);
  });

  it('refuses a port that was named and is taken, naming the owner', async () => {
    const { tcp, udp } = await takePorts();
    const result = await prepare({ flags: { derpPort: `:${tcp}`, stunPort: String(udp) } });
    const rules = result.ok ? [] : result.problems.map(({ rule }) => rule);
    const owner = process.platform === 'linux' ? { owner: expect.objectContaining({ pid: process.pid }) } : {};
    expect(rules).toEqual([
      { code: 'port-in-use', protocol: 'tcp', ...owner },
      { code: 'port-in-use', protocol: 'udp', ...owner },
    ]);
  });

  it('refuses a taken port that only the last run named', async () => {
    const { tcp } = await takePorts();
    const { config } = saveConfig(JSON.stringify({ version: 1, answers: { derpPort: tcp } }));
    expect(await problems()).toEqual([`${config}: derpPort port-in-use`]);
  });

  it('makes way with a default port that is taken, and says so', async () => {
    const first = await prepared();
    await occupy(first.answers.derpPort);
    const second = await prepared();
    expect(second.answers.derpPort).toBeGreaterThan(first.answers.derpPort);
    expect(second.plan.derpMap.Regions['900']!.Nodes[0]!.DERPPort).toBe(second.answers.derpPort);
    expect(second.notes).toContainEqual(
      expect.objectContaining({ code: 'port-moved', flag: '--derp-port', to: second.answers.derpPort }),
    );
  });

  it('keeps a good relay key, and never replaces one that was cut short', async () => {
    const { relayKey, stateDirectory } = layoutBelow(root);
    mkdirSync(stateDirectory, { recursive: true });
    const text = formatKeyFile(generateKeyPair());
    writeFileSync(relayKey, text);
    expect((await prepared()).plan.steps.some((step) => 'path' in step && step.path === relayKey)).toBe(false);
    for (const length of [0, 1, text.length >> 1, text.length - 4]) {
      writeFileSync(relayKey, text.slice(0, length));
      expect(await problems(), `cut to ${length}`).toEqual([`${relayKey} bad-relay-key`]);
      expect(readFileSync(relayKey, 'utf8')).toBe(text.slice(0, length));
    }
  });

  it('refuses a root that is a file', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    const result = await prepare({ root: file });
    expect(result).toMatchObject({ ok: false, problems: [{ flag: '--root', rule: { code: 'not-a-directory' } }] });
  });
});

describe('the last run', () => {
  /** The text of config.json that a run would leave. */
  async function configAfter(flags: PrepareInput['flags']) {
    const step = (await prepared({ flags })).plan.steps.find(
      (found) => 'path' in found && found.path === layoutBelow(root).config,
    );
    if (step?.kind !== 'file') throw new Error('config.json is not written');
    return step.content;
  }

  it('leaves what was answered, not what was found out', async () => {
    const text = await configAfter({ regionId: '901', derpPort: ':19443', home: 'https://example.com/' });
    expect(JSON.parse(text)).toEqual({
      version: 1,
      answers: { derpPort: 19_443, regionId: 901, home: 'https://example.com/' },
    });
  });

  it('is remembered where the next one says nothing else, and kept again', async () => {
    const text = await configAfter({ regionId: '901', derpPort: ':19443', home: 'blank' });
    const { config } = saveConfig(text);
    const { answers, notes } = await prepared({ flags: { regionId: '902' } });
    expect(answers).toMatchObject({ regionId: 902, derpPort: 19_443, home: 'blank', nodeName: '902a' });
    expect(notes).toContainEqual({ code: 'answers-kept', path: config, flags: ['--derp-port', '--home'] });
    expect(JSON.parse(await configAfter({}))).toEqual(JSON.parse(text));
  });

  it('does not stand in the way of another certificate mode', async () => {
    saveConfig(JSON.stringify({ version: 1, answers: { cert: 'manual', certFile: '/x', keyFile: '/y' } }));
    expect((await prepared({ flags: { cert: 'self-signed' } })).answers.cert).toBe('self-signed');
  });

  it.each([
    ['', 'not-json'],
    ['{"answers": ', 'not-json'],
    ['[]', 'not-an-object'],
    ['{"version": 1}', 'not-an-object'],
    ['{"version": 2, "answers": {}}', 'newer-config'],
  ])('config.json %j: %s', async (text, code) => {
    const { config } = saveConfig(text);
    expect(await problems()).toEqual([`${config} ${code}`]);
  });

  it('can serve as an answers file, like a plain object of answers', async () => {
    const path = join(temporaryDirectory(), 'answers.json');
    writeFileSync(path, '{"version": 1, "answers": {"regionCode": "fra"}}');
    expect((await prepared({ answersPath: path })).answers.regionCode).toBe('fra');
    writeFileSync(path, '{"region-code": "sin"}');
    expect((await prepared({ answersPath: path })).answers.regionCode).toBe('sin');
  });
});
