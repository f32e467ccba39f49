import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import { checkLines } from '../../src/cli/lines/check-lines.ts';
import { displayWidth, harmless, padTo, printable } from '../../src/cli/lines/text.ts';
import { en } from '../../src/cli/messages/en.ts';
import { reasons } from '../../src/cli/messages/zh/checks.ts';
import { zh } from '../../src/cli/messages/zh.ts';
import { problemDocument, problemLines, wordingOf } from '../../src/cli/problem-list.ts';
import type { Check } from '../../src/probe/check.ts';
import type { Problem, Rule } from '../../src/setup/answers/problems.ts';
import { keptOutput } from './support/kept-output.ts';

const plain = new Chalk({ level: 0 });

function printAll({ output, printed }: ReturnType<typeof keptOutput>) {
  output.answer('answer');
  output.progress('progress');
  output.error('error');
  output.document({ ok: true });
  return printed;
}

describe('the output', () => {
  it('keeps the answer apart from the rest', () => {
    expect(printAll(keptOutput())).toEqual({ stdout: 'answer\n', stderr: 'progress\nerror\n' });
  });

  it('has only the document on stdout with --json', () => {
    expect(printAll(keptOutput({ json: true }))).toEqual({
      stdout: '{\n  "ok": true\n}\n',
      stderr: 'progress\nerror\n',
    });
  });

  it('is answer and errors with --quiet', () => {
    expect(printAll(keptOutput({ quiet: true }))).toEqual({ stdout: 'answer\n', stderr: 'error\n' });
  });

  it.each([
    ['a terminal', true, {}, {}, 1],
    ['no terminal', false, {}, {}, 0],
    ['--no-color', true, { color: false }, {}, 0],
    ['NO_COLOR', true, {}, { NO_COLOR: '1' }, 0],
    ['an empty NO_COLOR', true, {}, { NO_COLOR: '' }, 1],
    ['a dumb terminal', true, {}, { TERM: 'dumb' }, 0],
    ['FORCE_COLOR', false, {}, { FORCE_COLOR: '1' }, 1],
    ['FORCE_COLOR=0', false, {}, { FORCE_COLOR: '0' }, 0],
    ['NO_COLOR and FORCE_COLOR', true, {}, { NO_COLOR: '1', FORCE_COLOR: '1' }, 0],
  ])('%s', (_, isTTY, options, environment, level) => {
    const { output } = keptOutput({ ...options, environment }, isTTY);
    expect(output.paint.level).toBe(level);
    expect(output.paintError.level).toBe(level);
  });

  it.each([
    ['nowhere but on a terminal', false, 80, {}],
    ['on no terminal that has no width: it would never end', true, 0, {}],
    ['on no terminal that knows no escapes', true, 80, { TERM: 'dumb' }],
  ])('spins %s', async (_, isTTY, columns, environment) => {
    let printed = '';
    const stderr = { isTTY, columns, write: (text: string) => (printed += text) };
    const { output } = keptOutput({ stderr, environment });
    output.busy('working');
    await setTimeout(100);
    output.idle();
    expect(printed).toBe('');
  });
});

describe('text', () => {
  it('counts columns as terminals do', () => {
    expect(displayWidth('abc')).toBe(3);
    expect(displayWidth('证书，ab')).toBe(8);
    expect(padTo('证书', 6)).toBe('证书  ');
    expect(padTo('long', 2)).toBe('long');
  });

  it('quotes values that would be misread, and lets none steer the terminal', () => {
    expect(printable('8443')).toBe('8443');
    expect(printable('')).toBe('""');
    expect(printable('a b')).toBe('"a b"');
    expect(printable('\u001b[2J\u009b')).not.toMatch(/\p{C}/u);
    expect(printable('x'.repeat(500)).length).toBeLessThan(100);
    expect(harmless('name\u001b]0;x\u0007\nnext')).toBe('name?]0;x??next');
  });
});

const byHand = { host: 'derp.example.com', port: 443, relayPort: 8443, file: '/etc/nginx/nginx.conf', line: 9 };

/** One rule of each code, so that every sentence is made at least once. */
const rules: { [C in Rule['code']]: Extract<Rule, { code: C }> } = {
  'unknown-flag': { code: 'unknown-flag', suggestion: '--host' },
  'unknown-argument': { code: 'unknown-argument' },
  'unknown-command': { code: 'unknown-command' },
  'unknown-setting': { code: 'unknown-setting' },
  'missing-value': { code: 'missing-value' },
  'missing-host': { code: 'missing-host' },
  'not-text': { code: 'not-text' },
  'not-a-host': { code: 'not-a-host', hint: 'url' },
  'unusable-host': { code: 'unusable-host' },
  'not-a-port': { code: 'not-a-port', offAllowed: true },
  'same-port': { code: 'same-port', other: '--derp-port' },
  'port-in-use': { code: 'port-in-use', protocol: 'tcp', owner: { name: 'nginx', pid: 812 } },
  'nginx-in-the-way': { code: 'nginx-in-the-way', obstacle: { reason: 'same-name', file: '/etc/nginx/a' } },
  'nginx-cannot-end-tls': { code: 'nginx-cannot-end-tls', obstacle: { reason: 'no-name' } },
  'nothing-in-front': { code: 'nothing-in-front' },
  'port-denied': { code: 'port-denied', protocol: 'tcp' },
  'no-free-port': { code: 'no-free-port', protocol: 'udp' },
  'not-one-of': { code: 'not-one-of', choices: ['a', 'b'] },
  needs: { code: 'needs', flags: ['--cert-file', '--key-file'] },
  'only-with': { code: 'only-with', choice: '--cert manual' },
  'not-with': { code: 'not-with', flag: '--json' },
  'not-a-number': { code: 'not-a-number' },
  'not-a-count': { code: 'not-a-count', first: 1, last: 9 },
  'out-of-range': { code: 'out-of-range', first: 1, last: 9 },
  'bad-code': { code: 'bad-code' },
  'bad-name': { code: 'bad-name' },
  'bad-node-name': { code: 'bad-node-name' },
  'not-an-address': { code: 'not-an-address', family: 4 },
  'contradicts-host': { code: 'contradicts-host', host: '203.0.113.7' },
  'not-a-home': { code: 'not-a-home' },
  'not-a-pin': { code: 'not-a-pin' },
  file: { code: 'file', action: 'read', problem: 'denied', detail: 'permission denied' },
  'not-a-directory': { code: 'not-a-directory' },
  'not-json': { code: 'not-json' },
  'not-an-object': { code: 'not-an-object' },
  'newer-config': { code: 'newer-config' },
  'not-a-certificate': { code: 'not-a-certificate' },
  'not-a-private-key': { code: 'not-a-private-key' },
  'encrypted-key': { code: 'encrypted-key' },
  'key-mismatch': { code: 'key-mismatch', certFile: '/x.crt' },
  'host-not-covered': { code: 'host-not-covered', host: 'a.example', names: 'DNS:b.example' },
  expired: { code: 'expired', at: '2026-01-01' },
  'not-yet-valid': { code: 'not-yet-valid', at: '2027-01-01' },
  'chain-order': { code: 'chain-order', position: 2 },
  'bad-relay-key': { code: 'bad-relay-key' },
  'not-an-admission-url': { code: 'not-an-admission-url' },
  'must-choose': { code: 'must-choose', choices: ['tailscaled', 'none'] },
  'needs-root': { code: 'needs-root' },
  'needs-systemd': { code: 'needs-systemd' },
  'needs-docker': { code: 'needs-docker' },
  'docker-denied': { code: 'docker-denied', user: 'alice' },
  'docker-stopped': { code: 'docker-stopped' },
  'docker-confined': { code: 'docker-confined' },
  'needs-compose': { code: 'needs-compose' },
  'container-name-taken': { code: 'container-name-taken', image: 'nginx', project: '/srv/site' },
  'directory-not-mountable': { code: 'directory-not-mountable', directory: '/etc' },
  'no-system-id': { code: 'no-system-id' },
  'not-an-image': { code: 'not-an-image' },
  'needs-tailscaled': { code: 'needs-tailscaled' },
  'user-can-log-in': { code: 'user-can-log-in', uid: 1000 },
  'user-of-another-group': { code: 'user-of-another-group' },
  'group-without-user': { code: 'group-without-user' },
  'no-room': { code: 'no-room', needed: 5_000_000, free: 1000 },
  'edited-by-hand': { code: 'edited-by-hand', kind: 'unit' },
  'bad-manifest': { code: 'bad-manifest' },
  'bad-prover-keys': { code: 'bad-prover-keys' },
  'bad-key-list': { code: 'bad-key-list', detail: 'line 3' },
  'unreachable-by-relay': { code: 'unreachable-by-relay' },
  'bad-range': { code: 'bad-range', flaw: { code: 'bad-length', longest: 32 } },
  'bad-address-line': { code: 'bad-address-line', line: 7, text: '192.0.2.1/24', flaw: { code: 'mapped' } },
  'empty-address-list': { code: 'empty-address-list' },
  'not-a-rate': { code: 'not-a-rate' },
  'needs-address-list': { code: 'needs-address-list' },
  'older-version': { code: 'older-version', installed: '2.0.0', version: '1.0.0' },
  'needs-yes': { code: 'needs-yes' },
  'derper-in-the-way': { code: 'derper-in-the-way', name: 'derper.service' },
  'firewall-refuses': { code: 'firewall-refuses', tool: 'ufw', ports: ['443/tcp', '3478/udp'] },
  'derper-not-stoppable': { code: 'derper-not-stoppable', refusal: 'unmanaged' },
  'only-for-target': { code: 'only-for-target', target: 'systemd' },
  'no-chain-in-directory': { code: 'no-chain-in-directory', tried: ['/etc/x/fullchain.pem'] },
  'not-an-email': { code: 'not-an-email' },
  'not-a-directory-url': { code: 'not-a-directory-url' },
  'not-a-key-id': { code: 'not-a-key-id' },
  'not-a-mac-key': { code: 'not-a-mac-key' },
  'not-served': { code: 'not-served', detail: 'port 443' },
  authority: {
    code: 'authority',
    authority: 'ca.example',
    reason: 'connection',
    stage: 'validation',
    detail: 'Timeout during connect',
    host: 'derp.example.com',
    challenge: 'http-01',
    port: 80,
  },
  'order-waits': { code: 'order-waits', until: '2026-11-21T12:00:00.000Z', by: 'authority', detail: 'too many' },
  'clock-wrong': { code: 'clock-wrong', aheadMinutes: -90, authority: 'ca.example' },
  'needs-external-account': { code: 'needs-external-account', authority: 'ca.example' },
  'host-without-address': { code: 'host-without-address', failure: 'not-found' },
  'caa-forbids': {
    code: 'caa-forbids',
    authority: 'ca.example',
    obstacle: { name: 'example.com', allowed: ['other.example'] },
  },
  'no-challenge-port': {
    code: 'no-challenge-port',
    blocked: [{ challenge: 'http-01', port: 80, holder: { state: 'taken', owner: { name: 'nginx', pid: 812 } } }],
    chosen: false,
  },
  'address-obstacle': {
    code: 'address-obstacle',
    host: 'derp.example.com',
    obstacle: { code: 'answered-elsewhere', address: '2001:db8::9', own: ['2001:db8::7'] },
    port: 80,
    challenge: 'http-01',
  },
  'private-host': { code: 'private-host', scope: 'private' },
  'nginx-missing': { code: 'nginx-missing' },
  'nginx-stopped': { code: 'nginx-stopped' },
  'nginx-other': { code: 'nginx-other', pid: 77 },
  'nginx-test-fails': { code: 'nginx-test-fails', said: ['unknown directive "lisen"'] },
  'nginx-too-old': { code: 'nginx-too-old', version: '1.10.3', first: '1.11.5' },
  'nginx-no-stream': {
    code: 'nginx-no-stream',
    state: 'not-loaded',
    package: 'apt install libnginx-mod-stream',
    module: '/usr/lib/nginx/modules/ngx_stream_module.so',
  },
  'nginx-no-real-ip': { code: 'nginx-no-real-ip' },
  'nginx-unread': { code: 'nginx-unread', file: '/etc/nginx/nginx.conf', line: 3, problem: 'unexpected "}"' },
  'nginx-port-unused': { code: 'nginx-port-unused', port: 443 },
  'nginx-family': { code: 'nginx-family', host: '2001:db8::7', port: 443, family: 6 },
  'nginx-own-stream': { code: 'nginx-own-stream', ...byHand },
  'nginx-other-relay-port': { code: 'nginx-other-relay-port', relayPort: 9443, named: 8443 },
  'nginx-odd-listen': { code: 'nginx-odd-listen', text: 'listen localhost:443', why: 'name', ...byHand },
  'nginx-name-taken': { code: 'nginx-name-taken', host: 'derp.example.com', file: '/etc/nginx/a', line: 1 },
  'nginx-real-ip': { code: 'nginx-real-ip', text: 'real_ip_header CF-Connecting-IP', ...byHand },
  'nginx-generated': { code: 'nginx-generated', file: '/etc/nginx/a', panel: 'Plesk' },
  'nginx-file': { code: 'nginx-file', file: '/etc/nginx/a', why: 'lua' },
};

describe('problems', () => {
  const problem = (subject: string, rule: Rule, value?: string): Problem => ({
    subject,
    ...(value !== undefined && { value }),
    rule,
  });

  it('are listed in two columns, each with the way out below', () => {
    const list = [
      problem('--cert', rules.needs, 'manual'),
      problem('DERP_SETUP_DERP_PORT', rules['port-in-use'], '443'),
      problem('/a/very/long/path/to/a/file/with/answers.json: regionId', { code: 'not-a-number' }, '5 x'),
    ];
    expect(problemLines(list, en)).toEqual([
      '  --cert manual             needs --cert-file and --key-file',
      '  DERP_SETUP_DERP_PORT=443  is in use by nginx (pid 812)',
      '                            → stop nginx, or choose another TCP port',
      '  /a/very/long/path/to/a/file/with/answers.json: regionId "5 x"',
      '                            is not a number (900 to 999 for your own regions)',
    ]);
  });

  it('are data with codes and sentences for programs', () => {
    expect(problemDocument([{ ...problem('--host', rules['not-a-host'], 'x y'), flag: '--host' }], en)).toEqual({
      ok: false,
      problems: [
        {
          subject: '--host',
          flag: '--host',
          value: 'x y',
          code: 'not-a-host',
          rule: 'is neither a host name nor an IP address',
          remedy: 'give the name or address alone, without https:// and path',
        },
      ],
    });
  });

  it.each(Object.values(rules).map((rule) => [rule.code, rule] as const))(
    '%s has words in both languages',
    (_, rule) => {
      for (const messages of [en, zh]) {
        const { rule: sentence, remedy } = wordingOf(rule, messages);
        expect(`${sentence}${remedy ?? ''}`).not.toMatch(/undefined|\[object|NaN/);
        expect(sentence).not.toBe('');
      }
      expect(wordingOf(rule, zh).rule).toMatch(/\p{Script=Han}/u);
      expect(wordingOf(rule, en).rule).not.toMatch(/\p{Script=Han}/u);
    },
  );

  it.each([
    [{ name: 'nginx', pid: 812 }, 'nginx (pid 812)', 'nginx（pid 812）'],
    [{ user: 'www-data' }, 'a process of user www-data', '用户 www-data 的进程'],
    [undefined, 'another program', '其他程序'],
  ])('name the owner of a port: %j', (owner, english, chinese) => {
    const rule: Rule = { code: 'port-in-use', protocol: 'udp', ...(owner && { owner }) };
    expect(wordingOf(rule, en).rule).toContain(english);
    expect(wordingOf(rule, zh).rule).toContain(chinese);
  });
});

describe('checks', () => {
  const about = { host: 'derp.example.com', derpPort: 443, stunPort: 3478, httpPort: 80 };
  const failed: Check = {
    id: 'tcp',
    ok: false,
    status: 'failed',
    reason: 'connection-refused',
    detail: 'refused',
    remedy: 'start it',
    ms: 2345,
  };

  it('are a line each, with the way out below and the time if it was long', () => {
    expect(checkLines(failed, about, en, plain)).toEqual([
      '  ✖ TCP          refused  (2.3 s)',
      '                 → start it',
    ]);
    expect(checkLines({ id: 'stun', ok: true, status: 'ok', detail: 'fine', ms: 3 }, about, en, plain)).toEqual([
      '  ✔ STUN         fine',
    ]);
  });

  it('say with the symbol what they say with the colour', () => {
    const symbol = (status: Check['status']) => checkLines({ ...failed, status }, about, en, plain)[0]!.slice(2, 3);
    expect([symbol('ok'), symbol('failed'), symbol('warning'), symbol('skipped')]).toEqual(['✔', '✖', '!', '–']);
  });

  it('cannot be used by a relay to steer the terminal', () => {
    const lines = checkLines({ ...failed, detail: 'issued by \u001b[31mCN=x\nfake line' }, about, en, plain);
    expect(lines.join('|')).not.toMatch(/\p{C}/u);
  });

  it('speak Chinese about every reason that the probe knows', () => {
    const probe = fileURLToPath(new URL('../../src/probe', import.meta.url));
    const text = readdirSync(probe, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(probe, name), 'utf8'))
      .join('\n');
    const trust = readFileSync(join(probe, '../client/trust.ts'), 'utf8');
    const verdicts = /CertificateProblem =([^;]*);/.exec(trust)![1]!;
    const known = [
      ...[...text.matchAll(/reason: '([^']+)'/g)].map((match) => match[1]!),
      ...[...text.matchAll(/reason: .* \? '([^']+)' : '([^']+)'/g)].flatMap((match) => [match[1]!, match[2]!]),
      ...[...verdicts.matchAll(/'([^']+)'/g)].map((match) => match[1]!),
    ];
    expect(known.length).toBeGreaterThan(40);
    expect([...new Set(known)].filter((reason) => !Object.hasOwn(reasons, reason))).toEqual([]);
    for (const reason of known) {
      const { detail, remedy } = zh.explainCheck({ ...failed, reason, detail: 'HTTP 502 (ECONNREFUSED)' }, about);
      expect(`${detail}${remedy}`, reason).toMatch(/\p{Script=Han}/u);
      expect(remedy, reason).toBeTruthy();
    }
  });

  it('fall back to the words of the probe where they have none of their own', () => {
    expect(zh.explainCheck({ ...failed, reason: 'something-new' }, about)).toEqual({
      detail: 'refused',
      remedy: 'start it',
    });
  });
});
