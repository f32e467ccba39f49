import { describe, expect, it } from 'vitest';
import { launchOfService, runsDerper } from '../../../src/setup/derper/service-launch.ts';
import { expandSpecifiers, parseEnvironmentFile, parseService } from '../../../src/setup/derper/unit-file.ts';
import { parseUnitStatus, startsAtBoot } from '../../../src/setup/derper/unit-status.ts';
import { expandUnitVariables, splitUnitCommands } from '../../../src/setup/derper/unit-words.ts';

const guide = `[Unit]
Description=Tailscale Derp Service
After=network.target

[Service]
ExecStart=/etc/derper/derper -c /etc/derper/derp.conf -a :12345 -http-port -1 \\
# a comment may stand here
  -stun-port 3479 -hostname "derp.example.com" -certmode manual -certdir '/etc/derper/ssl.d'
Restart=always
User=root

[Install]
WantedBy=multi-user.target
ExecStart=/bin/nothing
`;

const passwd = 'root:x:0:0:root:/root:/bin/bash\nderper:x:997:997::/opt/derper:/usr/sbin/nologin\n';
const context = { machineName: 'vps', passwd, environmentFiles: new Map<string, string>() };
const launchOf = (text: string, more: Partial<typeof context> = {}, name = 'derper.service') =>
  launchOfService({ name, texts: [text] }, { ...context, ...more });

describe('splitUnitCommands', () => {
  it.each([
    ['a "b c" \'d e\' f"g h"i', [['a', 'b c', 'd e', 'fg hi']]],
    ['a\\x20b\\tc "\\"" \\\\', [['a b\tc', '"', '\\']]],
    ['-a "" \'\'', [['-a', '', '']]],
    ['one ; two \\; three;four', [['one'], ['two', ';', 'three;four']]],
    ['\\u00e9\\101\\U0001f600 \\q', [['éA😀', '\\q']]],
    ["it\\'s", [["it's"]]],
    ['', []],
  ])('%s', (line, expected) => {
    expect(splitUnitCommands(line)).toEqual(expected);
  });

  it('refuses what systemd refuses', () => {
    expect(splitUnitCommands('a "b')).toBeUndefined();
  });
});

describe('expandUnitVariables', () => {
  it('knows the three forms', () => {
    const environment = { PORT: ':443', MORE: '-stun=false "-home x"' };
    const line = ['/d', '-a', `\${PORT}`, `-x=\${PORT}:\${NONE}`, '-y=$PORT', '$MORE', '$NONE', '$$PORT'];
    expect(expandUnitVariables(line, environment)).toEqual([
      '/d',
      '-a',
      ':443',
      '-x=:443:',
      '-y=$PORT',
      '-stun=false',
      '-home x',
      '$PORT',
    ]);
  });
});

describe('parseService', () => {
  it('reads a guide’s unit, and only its service section', () => {
    expect(parseService([guide]).commands).toEqual([
      '/etc/derper/derper -c /etc/derper/derp.conf -a :12345 -http-port -1 -stun-port 3479 -hostname derp.example.com -certmode manual -certdir /etc/derper/ssl.d'.split(
        ' ',
      ),
    ]);
  });

  it('lets drop-ins take back and replace', () => {
    const dropIn = '[Service]\nExecStart=\nExecStart=-/opt/derper -a :1\nUser=derper\nEnvironment=A=1 "B=2 3"\n';
    const reset = '[Service]\nEnvironment=\nEnvironment=C=4\nEnvironmentFile=-/etc/default/derper\n';
    expect(parseService([guide, dropIn, reset])).toEqual({
      commands: [['/opt/derper', '-a', ':1']],
      environment: { C: '4' },
      environmentFiles: ['/etc/default/derper'],
      workingDirectory: undefined,
      user: 'derper',
    });
  });

  it('takes off prefixes, and the name that @ gives', () => {
    expect(parseService(['[Service]\nExecStart=-@/opt/derper relay -a :1\nExecStartPost=/bin/true']).commands).toEqual([
      ['/opt/derper', '-a', ':1'],
    ]);
    expect(parseService(['[Service]\nExecStart=!!+/opt/derper']).commands).toEqual([['/opt/derper']]);
  });
});

describe('launchOfService', () => {
  it('gives the command line, the directory and the user', () => {
    expect(launchOf(guide)).toMatchObject({ workingDirectory: '/', environment: { HOME: '/root' }, runsAsRoot: true });
    const text = '[Service]\nUser=997\nWorkingDirectory=~\nExecStart=/opt/derper/derper -c derper.key\n';
    expect(launchOf(text)).toEqual({
      commandLine: ['/opt/derper/derper', '-c', 'derper.key'],
      workingDirectory: '/opt/derper',
      environment: { HOME: '/opt/derper' },
      runsAsRoot: false,
    });
  });

  it('puts in variables, those of files last, and specifiers', () => {
    const text = `[Service]
Environment=PORT=:1 NAME=%i.example.com
EnvironmentFile=/etc/default/%p
ExecStart=/usr/bin/derper -hostname \${NAME} -a \${PORT} $ARGS -certdir %S/derper
`;
    const environmentFiles = new Map([['/etc/default/derper', '# ports\nPORT=":2"\nARGS=-stun=false -home blank\n']]);
    expect(launchOf(text, { environmentFiles }, 'derper@hk.service')?.commandLine).toEqual(
      '/usr/bin/derper -hostname hk.example.com -a :2 -stun=false -home blank -certdir /var/lib/derper'.split(' '),
    );
  });

  it('looks behind shells', () => {
    const text =
      '[Service]\nEnvironment=N=derp.example.com\nExecStart=/bin/sh -c "cd / && exec derper -hostname $$N"\n';
    expect(launchOf(text)?.commandLine).toEqual(['derper', '-hostname', 'derp.example.com']);
  });

  it.each([
    ['a container engine', 'ExecStart=/usr/bin/docker run --name derper fredliang/derper'],
    ['a restart by timer', 'ExecStart=/bin/systemctl restart derper'],
    ['another program', 'ExecStart=/usr/bin/derperer'],
    ['nothing', ''],
  ])('is nothing for %s', (_, line) => {
    const texts = [`[Service]\n${line}\n`];
    expect(runsDerper({ texts })).toBe(false);
    expect(launchOfService({ name: 'x.service', texts }, context)).toBeUndefined();
  });
});

describe('small readers', () => {
  it('read environment files as systemd does', () => {
    expect(parseEnvironmentFile('; x\n#y\nA=1\n B = "a \\"b\\" c" \nC=\'$x\'\nD=a\\\nb\nnonsense\nE=\n')).toEqual({
      A: '1',
      B: 'a "b" c',
      C: '$x',
      D: 'ab',
      E: '',
    });
  });

  it('put in specifiers, and leave those that they do not know', () => {
    const facts = { unit: 'derper@a-b.service', machineName: 'vps', home: '/root' };
    expect(expandSpecifiers('%n %N %p %i %I %H %h %% %E %q', facts)).toBe(
      'derper@a-b.service derper@a-b derper a-b a/b vps /root % /etc %q',
    );
  });

  it('read what systemctl shows', () => {
    const text =
      'Id=derper.service\nTriggeredBy=derper.timer derper.socket\nLoadState=loaded\nActiveState=activating\nUnitFileState=enabled\nMainPID=50\nFragmentPath=/etc/systemd/system/derper.service\n';
    expect(parseUnitStatus(text)).toEqual({
      unit: 'derper.service',
      active: true,
      fileState: 'enabled',
      mainPid: 50,
      triggers: ['derper.timer', 'derper.socket'],
    });
    expect(parseUnitStatus(text.replace('activating', 'failed'))?.active).toBe(false);
    expect(startsAtBoot(parseUnitStatus(text)!)).toBe(true);
    expect(startsAtBoot(parseUnitStatus(text.replace('enabled', 'disabled'))!)).toBe(false);
  });

  it('know units that are not there, and those that go when they stop', () => {
    expect(parseUnitStatus('Id=x.service\nLoadState=not-found\nActiveState=inactive\n')).toBeUndefined();
    expect(parseUnitStatus('')).toBeUndefined();
    const transient = 'Id=run-1.service\nActiveState=active\nFragmentPath=/run/systemd/transient/run-1.service\n';
    expect(parseUnitStatus(transient)?.fileState).toBe('transient');
  });
});
