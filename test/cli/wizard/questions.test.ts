import { describe, expect, it } from 'vitest';
import { en } from '../../../src/cli/messages/en.ts';
import type { FoundDerper } from '../../../src/cli/wizard/lookups.ts';
import { typedPath } from '../../../src/cli/wizard/questions/certificate.ts';
import { takeOverLines } from '../../../src/cli/wizard/questions/derper.ts';
import { unsuitable } from '../../../src/cli/wizard/questions/target.ts';
import { tailscaledProblem } from '../../../src/cli/wizard/questions/verification.ts';
import { likelyKeys } from '../../../src/setup/certificate/files.ts';
import type { TakeOver } from '../../../src/setup/derper/take-over.ts';
import type { Facts } from '../../../src/setup/facts.ts';
import type { PortChoice } from '../../../src/setup/ports.ts';
import { plainFacts, serverFacts } from '../../setup/facts.ts';
import { ENTER, ESCAPE, type Keystroke, play } from './script.ts';

/** Everything but one question is given. */
const given = (open: readonly string[], more: Record<string, string> = {}) => {
  const flags: Record<string, string> = {
    host: 'derp.example.com',
    cert: 'self-signed',
    deploy: 'systemd',
    derpPort: '443',
    httpPort: '80',
    stunPort: '3478',
    verify: 'none',
    regionId: '900',
    regionCode: 'myderp',
    regionName: 'My DERP',
    ...more,
  };
  for (const key of open) delete flags[key];
  return { flags };
};

describe('the host', () => {
  const scene = { facts: serverFacts, sources: given(['host']) };

  it('is refused with the rule and the way out until it can be used', async () => {
    const { answers, refusals } = await play(scene, ['', 'https://derp.example.com/', 'derp.example.com']);
    expect(answers).toEqual({ host: 'derp.example.com' });
    expect(refusals).toEqual([
      'needs a value',
      'https://derp.example.com/ is neither a host name nor an IP address; ' +
        'give the name or address alone, without https:// and path',
    ]);
  });

  it('that leads elsewhere is told, and used only after a yes', async () => {
    const lookups = { checkHost: async () => ({ leads: 'elsewhere', addresses: ['198.51.100.9'] }) as const };
    const stays = await play({ ...scene, lookups }, ['a.example.com', ENTER, 'b.example.com', true]);
    expect(stays.answers).toEqual({ host: 'b.example.com' });
    expect(stays.asked[1]).toMatchObject({
      message: 'a.example.com resolves to 198.51.100.9, which is not this machine. Use it all the same?',
    });
    expect(stays.lines[0]).toBe('✔ Address      b.example.com   resolves to another machine');
  });

  it('that leads nowhere is told; Escape at the warning goes back to the name', async () => {
    const lookups = { checkHost: async () => ({ leads: 'nowhere' }) as const };
    const { answers, asked, lines } = await play({ ...scene, lookups }, ['a.example.com', ESCAPE, ENTER, true]);
    expect(answers).toEqual({ host: 'a.example.com' });
    expect(asked[2]).toMatchObject({ offered: 'a.example.com' });
    expect(lines[0]).toBe('✔ Address      a.example.com   does not resolve yet');
  });

  it('is taken at its word where the machine cannot know its public address', async () => {
    const facts: Facts = { ...serverFacts, addresses: [{ address: '10.0.0.4', interface: 'eth0', scope: 'private' }] };
    const lookups = { checkHost: async () => ({ leads: 'elsewhere', addresses: ['203.0.113.9'] }) as const };
    const { answers, lines } = await play({ ...scene, facts, lookups }, ['203.0.113.9']);
    expect(answers).toEqual({ host: '203.0.113.9' });
    expect(lines[0]).toBe("✔ Address      203.0.113.9   behind a provider's NAT");
  });

  it('that only a few can reach is told so', async () => {
    const { lines } = await play({ facts: serverFacts, sources: given([], { host: '192.168.1.4' }) }, []);
    expect(lines[0]).toBe('· Address      192.168.1.4   (--host)  reached from your own network only');
  });
});

describe('the certificate', () => {
  const open = { facts: serverFacts, sources: given(['cert']) };

  it('of files asks for both, and judges them at once', async () => {
    const lookups = {
      judgeChain: async (path: string) =>
        path === '/etc/my.crt' ? undefined : ({ code: 'not-a-certificate' } as const),
      judgePair: async (_: unknown, certFile: string, keyFile: string) =>
        keyFile === '/etc/my.key'
          ? []
          : [{ subject: '--key-file', value: keyFile, rule: { code: 'key-mismatch', certFile } as const }],
    };
    const keystrokes: Keystroke[] = ['manual', '/etc/hosts', '/etc/my.crt', '/etc/other.key', '/etc/my.key'];
    const { answers, refusals } = await play({ ...open, lookups }, keystrokes);
    expect(answers).toEqual({ certFile: '/etc/my.crt', keyFile: '/etc/my.key' });
    expect(refusals).toEqual([
      expect.stringContaining('/etc/hosts holds no whole certificate in PEM form'),
      expect.stringContaining('/etc/other.key is not the key of the certificate in /etc/my.crt'),
    ]);
  });

  it('goes back from the key to the chain, and from the chain to the list', async () => {
    const keystrokes: Keystroke[] = ['manual', '/etc/my.crt', ESCAPE, ESCAPE, 'self-signed'];
    const { answers } = await play(open, keystrokes);
    expect(answers).toEqual({});
  });

  it('asks only for the file that is not given', async () => {
    const sources = given(['cert'], { certFile: '/etc/my.crt' });
    const { answers, asked } = await play({ facts: serverFacts, sources }, ['/etc/my.key']);
    expect(answers).toEqual({ keyFile: '/etc/my.key' });
    expect(asked).toHaveLength(1);
  });

  it('offers files where other programs keep them', async () => {
    const certFile = '/etc/letsencrypt/live/derp.example.com/fullchain.pem';
    const keyFile = '/etc/letsencrypt/live/derp.example.com/privkey.pem';
    const files = [certFile, keyFile];
    const lookups = { firstFile: async (paths: readonly string[]) => paths.find((path) => files.includes(path)) };
    const { answers } = await play({ ...open, lookups }, ['manual', ENTER, ENTER]);
    expect(answers).toEqual({ certFile, keyFile });
  });

  it('finds the usual names of keys', () => {
    expect(likelyKeys('/root/.acme.sh/derp.example.com_ecc/fullchain.cer')).toContain(
      '/root/.acme.sh/derp.example.com_ecc/derp.example.com.key',
    );
    expect(likelyKeys('/etc/ssl/derp.crt')[0]).toBe('/etc/ssl/derp.key');
  });

  it('reads paths as a shell would', () => {
    expect(typedPath('~/my.crt')).toMatch(/^\/.*[^~]\/my\.crt$/);
    expect(typedPath(' /etc/a~b.crt ')).toBe('/etc/a~b.crt');
  });
});

/** A Docker that has everything. */
const DOCKER = {
  version: '28',
  usable: true,
  denied: false,
  compose: { version: '2.40', command: ['docker', 'compose'] },
};

describe('the target', () => {
  it.each([
    ['systemd', plainFacts, 'no-root'],
    ['systemd', { ...plainFacts, machine: { ...plainFacts.machine, isRoot: true } }, 'no-systemd'],
    ['systemd', serverFacts, undefined],
    ['foreground', plainFacts, undefined],
    ['compose', serverFacts, 'no-docker'],
    ['compose', { ...plainFacts, docker: { version: '28', usable: false, denied: true } }, 'docker-denied'],
    ['compose', { ...plainFacts, docker: { version: '28', usable: true, denied: false } }, 'no-root'],
    ['compose', { ...serverFacts, docker: { version: '28', usable: false, denied: false } }, 'docker-stopped'],
    ['compose', { ...serverFacts, docker: { version: '28', usable: true, denied: false } }, 'no-compose'],
    ['compose', { ...serverFacts, docker: { ...DOCKER, confined: true } }, 'docker-snap'],
    ['compose', { ...serverFacts, docker: DOCKER }, undefined],
    ['nginx-bypass', serverFacts, 'no-nginx'],
    ['nginx-bypass', { ...serverFacts, nginx: { version: '1.22.1', sites: [], lacks: 'modules' } }, 'nginx-modules'],
    ['nginx-bypass', { ...serverFacts, nginx: { version: '1.22.1', sites: ['a.example'] } }, undefined],
  ] as const)('%s', (target, facts, expected) => {
    expect(unsuitable(target, facts, true)).toBe(expected);
  });
});

describe('ports', () => {
  const nginx = { name: 'nginx', pid: 812 };
  const sources = given(['derpPort', 'httpPort', 'stunPort']);
  /** 443 belongs to nginx, whoever asks; 80 is done without unless somebody asks for it. */
  const settlePorts = async (
    { derpPort, httpPort, stunPort }: { derpPort: number; httpPort: number; stunPort: number },
    _: unknown,
    named: readonly string[],
  ): Promise<PortChoice> => {
    const inUse = { code: 'port-in-use', protocol: 'tcp', owner: nginx } as const;
    const problems: PortChoice['problems'] = [];
    if (derpPort === 443) problems.push({ subject: '--derp-port', flag: '--derp-port', value: '443', rule: inUse });
    if (httpPort === 80 && named.includes('httpPort')) {
      problems.push({ subject: '--http-port', flag: '--http-port', value: '80', rule: inUse });
    }
    const ports = { derpPort, httpPort: httpPort === 80 ? -1 : httpPort, stunPort, relayHttpPort: undefined };
    return { ports, notes: [], problems };
  };

  it('that are taken cannot be kept, and another one is offered', async () => {
    const scene = { facts: serverFacts, sources, lookups: { settlePorts } };
    const { answers, asked, refusals, lines } = await play(scene, [ENTER, '443', ENTER, ENTER, '80', '-1']);
    expect(asked[0]).toMatchObject({
      value: 'DERP 443 · STUN 3478 · HTTP off',
      warnings: ['443 is in use by nginx (pid 812); stop nginx, or choose another TCP port'],
      options: [{ key: 'c' }],
    });
    expect(asked[1]).toMatchObject({ offered: '8443' });
    expect(answers).toEqual({ derpPort: '8443', httpPort: '-1' });
    expect(refusals).toHaveLength(2);
    expect(lines).toContain('✔ Ports        DERP 8443 · STUN 3478 · HTTP off');
  });

  it('go back one by one, and from the first to the summary', async () => {
    const keystrokes: Keystroke[] = ['c', '9443', ESCAPE, ESCAPE, 'c', '9444', '3479', ESCAPE, '3480', '8080'];
    const { answers, asked } = await play({ facts: serverFacts, sources }, keystrokes);
    expect(answers).toEqual({ derpPort: '9444', stunPort: '3480', httpPort: '8080' });
    expect(asked[3]).toMatchObject({ offered: '9443' });
  });

  it('asks only for those that are not given', async () => {
    const some = given(['httpPort'], { derpPort: '8443' });
    const { answers, asked } = await play({ facts: serverFacts, sources: some }, ['c', '8080']);
    expect(answers).toEqual({ httpPort: '8080' });
    expect(asked).toHaveLength(2);
  });
});

describe('verification', () => {
  const scene = { facts: serverFacts, sources: given(['verify']) };

  it('opens a relay to anyone only after a second yes', async () => {
    const { answers, asked } = await play(scene, ['none', ENTER, 'none', true]);
    expect(answers).toEqual({ verify: 'none' });
    expect(asked[1]).toMatchObject({ message: 'Really open to anyone?', options: [{ value: false }, { value: true }] });
  });

  it('judges an admission URL', async () => {
    const { answers, refusals } = await play(scene, [
      'url',
      'http://hs.example.com/verify',
      'https://hs.example.com/verify',
    ]);
    expect(answers).toEqual({ verify: 'url:https://hs.example.com/verify' });
    expect(refusals).toHaveLength(1);
  });

  it('judges a list of keys as the plan will', async () => {
    const lookups = {
      judgeKeyList: async (_: unknown, file: string) =>
        file === '/etc/keys' ? undefined : ({ code: 'bad-key-list', detail: 'line 3' } as const),
    };
    const { answers, refusals } = await play({ ...scene, lookups }, ['keys', '/etc/hosts', '/etc/keys']);
    expect(answers).toEqual({ verify: 'keys:/etc/keys' });
    expect(refusals).toEqual([expect.stringContaining('/etc/hosts cannot be used: line 3')]);
  });

  it('goes back from its details to the list', async () => {
    const { answers } = await play(scene, ['url', ESCAPE, 'keys', ESCAPE, 'none', ESCAPE, 'none', true]);
    expect(answers).toEqual({ verify: 'none' });
  });

  it.each([
    [undefined, 'absent'],
    [{ socket: '/s' }, 'silent'],
    [{ socket: '/s', state: 'needs-login' }, 'needs-login'],
    [{ socket: '/s', state: 'stopped' }, 'stopped'],
    [{ socket: '/s', state: 'running' }, undefined],
  ] as const)('knows when tailscaled can be asked: %j', (tailscaled, expected) => {
    expect(tailscaledProblem({ tailscaled })).toBe(expected);
  });
});

describe('the firewall', () => {
  const firewall: Facts['firewall'] = {
    tool: 'ufw',
    inForce: true,
    lasting: false,
    stateOf: () => 'closed',
    openCommands: () => [],
    closeCommands: () => [],
  };
  const closed = [{ protocol: 'tcp', port: 443 }] as const;
  const closedFirewall = async () => ({ closed, refused: [], commands: ['ufw allow 443/tcp'] });
  const scene = { facts: { ...serverFacts, firewall }, sources: given([]), lookups: { closedFirewall } };

  it('is opened with Enter, and its commands are shown', async () => {
    const { switches, asked, lines } = await play(scene, [ENTER]);
    expect(switches).toEqual({ openFirewall: true });
    expect(asked[0]).toMatchObject({
      message: 'ufw keeps clients out. Open 443/tcp?',
      info: ['ufw allow 443/tcp'],
      warnings: [expect.stringContaining('gone after its next start')],
    });
    expect(lines.at(-1)).toBe('✔ Firewall     open 443/tcp in ufw');
  });

  it('is left alone when that is wanted', async () => {
    const { switches, lines } = await play(scene, [false]);
    expect(switches).toEqual({});
    expect(lines.at(-1)).toBe('✔ Firewall     leave ufw as it is   clients stay out until you open them yourself');
  });

  it('is not opened against a rule of its owner', async () => {
    const refusedPorts = async () => ({ closed, refused: closed, commands: [] });
    await expect(play({ ...scene, lookups: { closedFirewall: refusedPorts } }, [true])).rejects.toThrow(
      /cannot be chosen/,
    );
  });

  it.each([
    ['in the foreground', given([], { deploy: 'foreground' }), {}, undefined],
    ['for another machine', given([]), {}, '/srv/image'],
    ['when nothing is started', given([]), { noStart: true }, undefined],
  ])('is not asked about %s', async (_, sources, switches, root) => {
    const { asked } = await play({ ...scene, sources, switches, ...(root !== undefined && { root }) }, []);
    expect(asked).toEqual([]);
  });

  it('is shown, and not asked about, when a flag opens it', async () => {
    const { asked, lines, switches } = await play({ ...scene, switches: { openFirewall: true } }, []);
    expect({ asked, switches }).toEqual({ asked: [], switches: {} });
    expect(lines.at(-1)).toBe('· Firewall     open 443/tcp in ufw   (--open-firewall)');
  });
});

describe('a derper', () => {
  const derper: Facts['derper'] = {
    kind: 'unit',
    unit: 'derper.service',
    running: true,
    enabled: true,
    commandLine: ['/usr/bin/derper'],
    workingDirectory: undefined,
    environment: {},
    runsAsRoot: true,
  };
  const takeOver: TakeOver = {
    host: 'old.example.com',
    ports: { derp: 443, http: 80, stun: 3478 },
    address: null,
    tls: true,
    relayKey: { path: '/var/lib/derper/derper.key', publicKey: 'nodekey:…', keyFile: () => '' },
    certificate: {
      renewedBy: 'acme',
      notAfter: new Date('2027-01-03'),
      selfSigned: false,
      files: undefined,
      certPem: '',
      keyPem: () => '',
    },
    certMode: 'letsencrypt',
    email: undefined,
    verify: { kind: 'none' },
    mesh: undefined,
    home: 'default',
    clientRate: undefined,
    notCarriedOver: ['-rate-config'],
    gaps: [{ part: 'mesh-key', code: 'in-container', path: '/mesh' }],
    scheduled: [{ file: '/etc/crontab', line: 12 }],
  };
  const certFile = '/etc/derp-setup/certs/old.example.com.crt';
  const answers = { host: 'old.example.com', derpPort: '443', cert: 'manual', certFile, keyFile: `${certFile}.key` };
  const found: FoundDerper = { name: 'derper.service', takeOver, refusal: undefined, answers };
  const scene = {
    facts: { ...serverFacts, derper },
    lookups: { findDerper: async () => found },
  };

  it('is described: what is gone on with, and what is not', () => {
    expect(takeOverLines(takeOver, en)).toEqual({
      info: [
        'Gone on with: the host old.example.com, ports 443/tcp, 3478/udp, 80/tcp, its key, its certificate (to 2027-01-03).',
      ],
      warnings: [
        'Not to be had from it: its mesh key.',
        'Not carried over: -rate-config.',
        'cron would start it again: remove line 12 of /etc/crontab.',
      ],
    });
  });

  it('whose place is taken hands on its settings, which need not be said again', async () => {
    const {
      answers: texts,
      switches,
      lines,
    } = await play(scene, [ENTER, ENTER, ENTER, ENTER, ENTER, 'none', true, ENTER]);
    expect(switches).toEqual({ takeOver: true });
    expect(texts).toEqual({ verify: 'none' });
    expect(lines.slice(0, 3)).toEqual([
      '✔ derper       take the place of derper.service   it is stopped, and started again if anything fails',
      '✔ Address      old.example.com   resolves to this machine',
      "✔ Certificate  derper's own   goes on with it",
    ]);
  });

  it('can be overruled question by question', async () => {
    const keystrokes: Keystroke[] = [ENTER, 'new.example.com', 'self-signed', ENTER, ENTER, 'none', true, ENTER];
    const { answers: texts } = await play(scene, keystrokes);
    expect(texts).toEqual({ host: 'new.example.com', cert: 'self-signed', verify: 'none' });
  });

  it('that is left alone hands on nothing', async () => {
    const keystrokes: Keystroke[] = [false, ENTER, ENTER, ENTER, ENTER, 'none', true, ENTER];
    const { switches, lines } = await play(scene, keystrokes);
    expect(switches).toEqual({});
    expect(lines[1]).toBe("✔ Address      203.0.113.7   this machine's address");
  });

  it('that would not be stopped cannot be chosen', async () => {
    const lookups = { findDerper: async () => ({ ...found, refusal: { code: 'unmanaged', pid: 7 } as const }) };
    await expect(play({ ...scene, lookups }, [true])).rejects.toThrow(/cannot be chosen/);
  });

  it('is not asked about where no service can be set up', async () => {
    const { asked } = await play({ ...scene, sources: given([], { deploy: 'foreground' }) }, []);
    expect(asked).toEqual([]);
  });
});
