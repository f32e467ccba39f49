/** What operators write and other programs answer: files, flags, units, and the answers of tailscaled and the like. */
import { buildRelayConfig } from '../../../src/cli/relay/build-config.ts';
import { readConfigFields } from '../../../src/cli/relay/config-file.ts';
import { isObject } from '../../../src/cli/relay/field-readers.ts';
import { ManifestError, parseManifest } from '../../../src/deploy/manifest.ts';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import { formatKeyFile, keyPairOf, parseKeyFile } from '../../../src/protocol/keys.ts';
import { parseAdmissionAnswer } from '../../../src/relay/admission/admission-url.ts';
import { KeyListError, parseKeyList } from '../../../src/relay/admission/key-list.ts';
import { QuestionError } from '../../../src/relay/admission/source.ts';
import { readStatus, readWhoIs } from '../../../src/relay/admission/tailscaled-answers.ts';
import type { RelayConfig } from '../../../src/relay/config.ts';
import { ClientRateError, parseClientRate } from '../../../src/relay/limits/client-rate-file.ts';
import { parseStatus } from '../../../src/setup/relay-status.ts';
import { mutateBytes, mutateJsonText, words } from '../mutate.ts';
import type { Random } from '../random.ts';
import { attempt, type FuzzTarget, promise, readerTarget } from '../target.ts';

const relayJson = {
  listen: { host: null, port: 443 },
  certificate: { certFile: 'a.crt', keyFile: '/etc/a.key' },
  hostname: 'derp.example.com',
  httpPort: 80,
  stunPort: -1,
  keyFile: '/var/lib/derper.key',
  derp: true,
  home: { redirect: 'https://example.com/' },
  bootstrapDnsNames: ['login.example.com'],
  writeTimeoutMs: 2000,
  tcpKeepAliveMs: 600_000,
  challengeDirectory: '/var/lib/derp-setup/acme',
  clientRate: { bytesPerSecond: 1_000_000, burstBytes: 2_000_000 },
  clientRateFile: 'rate.json',
  acceptLimit: { perSecond: 100, burst: 200 },
  proxyProtocolFrom: ['127.0.0.1', '10.0.0.0/8', '::1/128'],
  forwardedFrom: ['127.0.0.2', '10.0.0.0/8'],
  admission: {
    tailscaled: { socket: '/var/run/tailscale/tailscaled.sock' },
    url: { url: 'https://headscale.example.com/verify', failOpen: false },
    keyFile: 'keys',
    proverKeys: [`nodekey:${'ab'.repeat(32)}`],
  },
  drainMs: 5000,
  logLevel: 'info',
};

/** A config file that was taken must be one that the relay can be started with. */
function promiseSound(config: Partial<RelayConfig>): void {
  const { listen, httpPort, stunPort, acceptLimit, proxyProtocolFrom, admission, hostname } = config;
  for (const port of [listen?.port, httpPort, stunPort]) {
    const fine = port === undefined || port === -1 || (Number.isInteger(port) && port >= 1 && port <= 65_535);
    promise(fine, () => `port ${port} was taken`);
  }
  promise(listen === undefined || listen.port > 0, () => 'nothing to listen on was taken');
  promise(hostname === undefined || /^[a-z0-9.:-]+$/.test(hostname), () => `host ${hostname} was taken`);
  for (const value of [config.writeTimeoutMs, config.drainMs, config.tcpKeepAliveMs]) {
    promise(value === undefined || (Number.isSafeInteger(value) && value >= 0), () => `${value} ms were taken`);
  }
  if (acceptLimit) promise(acceptLimit.perSecond > 0 && acceptLimit.burst >= 1, () => 'a limit of nothing was taken');
  for (const range of proxyProtocolFrom ?? []) promise(typeof range === 'string', () => 'a range that is no text');
  if (admission) {
    // Rules without a source would let everybody in, or nobody.
    const sources = [admission.tailscaled?.socket, admission.url?.url, admission.keyFile].filter(Boolean);
    const fine = sources.length > 0 && sources.every((source) => typeof source === 'string');
    promise(fine || admission.proverKeys !== undefined, () => `admission ${JSON.stringify(admission)} was taken`);
  }
}

function checkRelayJson(input: Buffer): boolean {
  let json: unknown;
  try {
    json = JSON.parse(input.toString('utf8'));
  } catch {
    return false;
  }
  if (!isObject(json)) return false;
  const { config, problems } = readConfigFields(json, '/etc/derp-setup/relay.json');
  promise(
    Object.getPrototypeOf(config) === Object.prototype,
    () => 'a field of the file became the prototype of the configuration',
  );
  const built = buildRelayConfig({ settings: {}, unusable: new Set(), file: config, environment: {}, isRoot: false });
  if (problems.length === 0) promiseSound(config);
  return problems.length === 0 && built.problems.length === 0;
}

const key = (byte: string) => `nodekey:${byte.repeat(32)}`;
const keyList = Buffer.from(`# who may\n${key('ab')}  # one\n\n${key('0f')}\r\n${key('FF')}\n`);
const keyListWords = words(
  '\n',
  '\r\n',
  '#',
  ' ',
  '\t',
  'nodekey:',
  'privkey:',
  key('01'),
  '\ufeff',
  '\0',
  'x'.repeat(1100),
);
const keyFile = keyPairOf(Buffer.alloc(32, 0x42));
const keyHex = '42'.repeat(8);

const nodeKey = key('ab');
const whoIs = { Node: { ID: 1, Key: nodeKey, Name: 'a.example.ts.net' }, UserProfile: { ID: 1 } };
const status = {
  BackendState: 'Running',
  Self: { PublicKey: nodeKey, TailscaleIPs: ['100.64.0.1'] },
  CurrentTailnet: { Name: 'example', MagicDNSSuffix: 'example.ts.net' },
};

/** An answer over HTTP, told by its first byte: now and then another status than 200. */
function withStatus(input: Buffer): { status: number; headers: Record<string, string>; body: string } {
  const code = [200, 200, 200, 404, 400, 403, 500, 302][(input[0] ?? 0) & 7]!;
  const body = input.toString('utf8', 1);
  return { status: code, headers: { 'tailscale-version': body.slice(0, 200) }, body };
}

const answerOf = (value: unknown) => (random: Random) =>
  Buffer.concat([Buffer.of(random.oneIn(4) ? random.next() : 0), mutateJsonText(random, value)]);

const manifest = {
  manifestVersion: 1,
  version: '0.1.0',
  files: [{ path: '/etc/derp-setup/config.json', digest: 'x', mode: 420 }],
  directories: ['/etc/derp-setup'],
  trees: [],
  units: ['derp-relay.service'],
};

const asText = (input: Buffer) => input.toString('utf8');

export const fileTargets: readonly FuzzTarget[] = [
  { name: 'relay.json', share: 6, make: (random) => mutateJsonText(random, relayJson), check: checkRelayJson },
  {
    name: "relay's key file",
    share: 3,
    make: (random) =>
      mutateBytes(random, Buffer.from(formatKeyFile(keyFile)), { words: words('"', 'privkey:', '00', '}') }),
    check: (input) => {
      const result = attempt(() => parseKeyFile(asText(input)), ProtocolError);
      if (!(result instanceof ProtocolError)) return true;
      promise(!`${result.message}${result.cause ?? ''}`.includes(keyHex), () => 'the error quotes the secret key');
      return false;
    },
  },
  {
    name: 'key list',
    share: 4,
    make: (random) => mutateBytes(random, keyList, { words: keyListWords }),
    check: (input) => {
      const result = attempt(() => parseKeyList(asText(input)), KeyListError);
      if (!(result instanceof KeyListError)) return result.size >= 0;
      const lines = asText(input).split('\n').length;
      promise(result.line >= 1 && result.line <= lines, () => `line ${result.line} of ${lines}`);
      return false;
    },
  },
  readerTarget(
    "derper's rate file",
    4,
    (random) =>
      mutateJsonText(random, { PerClientRateLimitBytesPerSec: 1_250_000, PerClientRateBurstBytes: 2_500_000 }),
    (input) => {
      const rate = parseClientRate(asText(input));
      const fine = rate === null || (rate.bytesPerSecond > 0 && rate.burstBytes >= 0);
      promise(fine, () => `the rate ${JSON.stringify(rate)} was taken`);
      return true;
    },
    ClientRateError,
  ),
  readerTarget(
    'admission answer',
    6,
    (random) => mutateJsonText(random, { Allow: true }),
    (input) => parseAdmissionAnswer(asText(input)),
    QuestionError,
  ),
  readerTarget(
    'tailscaled whois',
    4,
    answerOf(whoIs),
    (input) => {
      const knows = readWhoIs(withStatus(input), nodeKey);
      promise(
        !knows || asText(input).includes('nodekey:') || asText(input).includes('\\u'),
        () => 'knows a key unseen',
      );
      return knows;
    },
    QuestionError,
  ),
  readerTarget('tailscaled status', 4, answerOf(status), (input) => readStatus(withStatus(input)), QuestionError),
  readerTarget(
    'manifest',
    4,
    (random) => mutateJsonText(random, manifest),
    (input) => parseManifest(asText(input)),
    ManifestError,
  ),
  readerTarget(
    'relay status',
    3,
    (random) => mutateJsonText(random, { version: '0.1.0', public_key: 'ab', clients: 3 }),
    (input) => parseStatus(asText(input)),
  ),
];
