/** Derper's command lines, wherever they stand: flags, units, shells, containers. */

import { buildRelayConfig } from '../../../src/cli/relay/build-config.ts';
import { parseHome, parseHost, parsePort, parseVerification } from '../../../src/setup/answers/values.ts';
import { readDerperFlags } from '../../../src/setup/derper/arguments.ts';
import { splitAutocertFile } from '../../../src/setup/derper/autocert.ts';
import { readCgroup } from '../../../src/setup/derper/cgroup.ts';
import { findDerperCommand } from '../../../src/setup/derper/command.ts';
import { hostPathOf, parseInspection } from '../../../src/setup/derper/container-facts.ts';
import { commandLineOfImage, relevantEnvironment } from '../../../src/setup/derper/image-environment.ts';
import { readDerperSettings } from '../../../src/setup/derper/settings.ts';
import { splitShellCommands } from '../../../src/setup/derper/shell-words.ts';
import { expandSpecifiers, parseEnvironmentFile, parseService } from '../../../src/setup/derper/unit-file.ts';
import { parseUnitStatus } from '../../../src/setup/derper/unit-status.ts';
import { expandUnitVariables } from '../../../src/setup/derper/unit-words.ts';
import { readRelayFlags } from '../../../src/setup/derper-flags/flags.ts';
import { mutateBytes, mutateJsonText, words } from '../mutate.ts';
import { type FuzzTarget, promise, readerTarget } from '../target.ts';

const commandLines = [
  '-a :8443 -http-port -1 -stun-port 3478 -certmode manual -certdir /etc/c -hostname derp.example.com -verify-clients',
  '-config /etc/relay.json --stun=false -tcp-write-timeout 1m30s -accept-connection-limit 1e3 -accept-connection-burst 5',
  '-verify-client-url https://h.example.com/verify -verify-client-url-fail-open=false -home blank -bootstrap-dns-names a.b,c.d',
  '-dev -rate-config x -mesh-with a,b -mesh-psk-file /k -tcp-keepalive-time 10m0.5s -version -h',
];
const flagWords = words(
  ...[
    ' ',
    '-',
    '--',
    '=',
    '-a ',
    '-a=',
    ':443',
    '[::1]:443',
    '"',
    "'",
    'true',
    'false',
    'Inf',
    'NaN',
    '1e999',
    '0x10',
    '-1',
  ],
  ...[
    '1h',
    'ns',
    '.',
    '1.1.1',
    '-constructor',
    '-__proto__',
    '-toString=1',
    '\0',
    '‮',
    'xn--',
    '..',
    '/',
    '%',
    '\\',
    ',',
  ],
);

const unit = Buffer.from(
  '[Unit]\nDescription=x\n[Service]\nUser=derper\nWorkingDirectory=-/var/lib/derper\nEnvironmentFile=-/etc/default/derper\n' +
    `Environment="A=b c" D=e\nExecStart=@-/usr/local/bin/derper derper -a :443 \\\n  # comment\n -hostname \${HOST} $EXTRA\n` +
    'ExecStart=/bin/sh -c "exec derper -hostname $$HOST; echo \\x41\\101\\u0041" ; /bin/true\n',
);
const unitWords = words(
  '\\',
  '\n',
  '"',
  "'",
  '\\x4',
  '\\U00110000',
  '\\ud800',
  '%i',
  '%%',
  '$',
  '${',
  '}',
  ';',
  '[Service]',
  '=',
  '#',
  '\r',
  '@-:+!|',
  'sh -c ',
);
const shells = [
  `cd /x && HOME="/a b" exec env A=1 nohup derper -hostname "\${HOST:-derp.example.com}" -a :443 > log 2>&1 &`,
  `exec env A=1 nohup derper -hostname "$HOST" -a :443 $EXTRA || true; sh -c 'sudo -u x derper'`,
].map((text) => Buffer.from(text));
const shellWords = words(
  '"',
  "'",
  '\\',
  '$',
  '${',
  '}',
  ':-',
  '&&',
  '||',
  ';',
  '|',
  '>',
  '2>&1',
  '\n',
  '$(',
  '`',
  'sh -c ',
  'derper ',
  'env ',
  'sudo -u ',
  'gosu derper ',
);
const environment = { HOST: 'derp.example.com', EXTRA: '-stun "-home blank"', A: "it's" };

const container = [
  {
    Id: 'abc',
    Name: '/derper',
    Path: '/entrypoint.sh',
    Args: ['derper', '-a', ':443'],
    State: { Running: true },
    Config: {
      Env: ['DERP_DOMAIN=d.example.com', 'PATH=/bin', 'DERP_MESH_KEY=x'],
      WorkingDir: '/app',
      User: 'root',
      Image: 'derper',
      Labels: {},
    },
    HostConfig: {
      NetworkMode: 'bridge',
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      PortBindings: {},
    },
    Mounts: [{ Type: 'bind', Source: '/srv', Destination: '/app/certs' }],
    NetworkSettings: { Ports: { '443/tcp': [{ HostIp: '0.0.0.0', HostPort: '8443' }], '3478/udp': null } },
  },
];

const asText = (input: Buffer) => input.toString('utf8');
const wordsOf = (input: Buffer) => asText(input).split(' ');

export const derperTargets: readonly FuzzTarget[] = [
  readerTarget(
    "derp-relay's flags",
    5,
    (random) => mutateBytes(random, Buffer.from(random.pick(commandLines)), { words: flagWords, most: 1000 }),
    (input) => {
      const { settings, unusable, problems } = readRelayFlags(wordsOf(input));
      const built = buildRelayConfig({ settings, unusable, file: {}, environment: {}, isRoot: true });
      const { writeTimeoutMs, tcpKeepAliveMs, listen } = built.config;
      if (problems.length + built.problems.length > 0) return false;
      for (const time of [writeTimeoutMs, tcpKeepAliveMs]) promise(time >= 0 && time < Infinity, () => `${time} ms`);
      promise(listen.port >= 1 && listen.port <= 65_535, () => `port ${listen.port}`);
      return true;
    },
  ),
  readerTarget(
    "derper's command line",
    4,
    (random) =>
      mutateBytes(random, Buffer.from(`derper ${random.pick(commandLines)}`), { words: flagWords, most: 1000 }),
    (input) => {
      const commandLine = wordsOf(input);
      const { httpPort, listen } = readDerperSettings({
        commandLine,
        environment,
        runsAsRoot: true,
        workingDirectory: '/',
      });
      return readDerperFlags(commandLine).size > 1 && httpPort !== undefined && listen !== undefined;
    },
  ),
  readerTarget(
    'unit file',
    2,
    (random) => mutateBytes(random, unit, { words: unitWords }),
    (input) => {
      const { commands } = parseService([asText(input)]);
      const facts = { unit: 'derper@a-b\\x2d.service', machineName: 'm', home: '/root' };
      const found = commands.map((command) => {
        const expanded = expandUnitVariables(
          command.map((word) => expandSpecifiers(word, facts)),
          environment,
        );
        return findDerperCommand(expanded, environment);
      });
      parseUnitStatus(asText(input));
      return found.some((command) => command !== undefined);
    },
  ),
  readerTarget(
    'shell command',
    3,
    (random) => mutateBytes(random, random.pick(shells), { words: shellWords, most: 2000 }),
    (input) => {
      const commands = splitShellCommands(asText(input), environment);
      return commands.some((command) => findDerperCommand(command, environment) !== undefined);
    },
  ),
  readerTarget(
    'environment file',
    3,
    (random) =>
      mutateBytes(random, Buffer.from('A="b \\" c"\nD=\'e\'\nDERP_DOMAIN=x.example.com\nDERP_ADDR=:443\n# c\n'), {
        words: unitWords,
      }),
    (input) => {
      const read = parseEnvironmentFile(asText(input));
      readRelayFlags([], read);
      return commandLineOfImage(relevantEnvironment(read));
    },
  ),
  readerTarget(
    'container',
    2,
    (random) => mutateJsonText(random, container),
    (input) => {
      const facts = parseInspection(asText(input));
      if (facts !== undefined) hostPathOf(facts.mounts, '/app/certs/../certs/x');
      return facts;
    },
  ),
  readerTarget(
    'values of setup',
    4,
    (random) =>
      mutateBytes(
        random,
        Buffer.from(
          random.pick([
            'derp.example.com',
            '[2001:db8::1]',
            '":8443"',
            'url:https://a.example/verify',
            'keys:/a',
            'https://x.example/?q',
          ]),
        ),
        {
          words: flagWords,
          most: 400,
        },
      ),
    (input) => {
      const text = asText(input);
      const read = [parseHost(text), parsePort(text), parseVerification(text), parseHome(text)];
      return read.some(({ ok }) => ok);
    },
  ),
  readerTarget(
    'cgroups and cached certificates',
    2,
    (random) =>
      mutateBytes(
        random,
        Buffer.from(
          random.pick([
            '0::/system.slice/docker-0123456789abcdef.scope\n',
            '0::/system.slice/derper.service\n1:name=systemd:/user.slice/user-0.slice/session-1.scope\n',
            '-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n',
          ]),
        ),
        {
          words: words(
            '-----BEGIN ',
            '-----END ',
            'CERTIFICATE-----\n',
            'PRIVATE KEY-----',
            '\n',
            '/',
            ':',
            '.scope',
            'docker-',
          ),
        },
      ),
    (input) => {
      readCgroup(asText(input));
      return splitAutocertFile(asText(input));
    },
  ),
];
