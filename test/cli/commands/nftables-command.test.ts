import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import { temporaryDirectory, treeOf } from '../../temporary.ts';
import { run } from '../run.ts';

let home: string;
let root: string;
beforeEach(() => {
  home = temporaryDirectory();
  root = join(home, 'root');
});

const nftables = (...args: string[]) => run('derp-setup', ['nftables', ...args, '--root', root], { home });

/** Writes what the relay was told, as an installation has it. */
function install(relay: object): void {
  const { configDirectory, relayConfig } = layoutBelow(root);
  mkdirSync(configDirectory, { recursive: true });
  const listen = { host: null, port: 8443 };
  const rest = { listen, hostname: '203.0.113.7', keyFile: '/k', httpPort: 80, stunPort: 3479, ...relay };
  writeFileSync(relayConfig, JSON.stringify(rest));
}

describe('derp-setup nftables', () => {
  it('makes rules of the installed lists and ports, and changes nothing', async () => {
    const list = join(home, 'home.txt');
    writeFileSync(list, '# home\n198.51.100.0/24\n198.51.100.7\n');
    install({ allowCidr: { ranges: ['203.0.113.7'], files: [list] }, proxyProtocolFrom: ['192.0.2.9'] });
    const before = treeOf(home);
    const { code, stdout, stderr } = await nftables();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^add table inet derp_setup\ndelete table inet derp_setup\ntable inet derp_setup \{\n/);
    expect(stdout).toMatch(/elements = \{\s+198\.51\.100\.0\/24,\s+203\.0\.113\.7\s+\}/);
    expect(stdout).toContain('    tcp dport 8443 ip saddr 192.0.2.9 accept\n    tcp dport 8443 jump strangers\n');
    expect(stdout).toContain('udp dport 3479');
    expect(stdout).not.toContain('dport 80');
    expect(stderr).toContain('sudo nft -f -');
    expect(treeOf(home)).toEqual(before);
    const json = JSON.parse((await nftables('--json')).stdout);
    expect(json).toMatchObject({ ok: true, table: 'derp_setup', ports: { derp: 8443, stun: 3479 } });
    expect(json).toMatchObject({ ranges: { allow: 2, deny: null }, script: stdout });
  });

  it('makes rules of named lists, with no relay about, or in place of its own', async () => {
    const lists = ['--allow-cidr', '198.51.100.0/24', '--deny-cidr', '198.51.100.9'];
    const alone = await nftables(...lists, '--derp-port', '9443', '--stun-port', '-1', '--quiet');
    expect(alone).toMatchObject({ code: 0, stderr: '' });
    expect(alone.stdout).toContain('tcp dport 9443 jump strangers');
    expect(alone.stdout).not.toContain('udp');
    expect((await nftables(...lists)).stdout).toContain('tcp dport 443 jump');
    install({ allowCidr: { ranges: ['192.0.2.0/24'], files: [] } });
    const { stdout } = await nftables('--allow-cidr', '198.51.100.0/24');
    expect(stdout).not.toContain('192.0.2.0');
    // Whoever dials the relay from itself gets in.
    expect(stdout).toMatch(/elements = \{\s+198\.51\.100\.0\/24,\s+203\.0\.113\.7\s+\}/);
    expect(stdout).toContain('tcp dport 8443 jump');
  });

  it('guards STUN alone where something that others visit too stands before the relay', async () => {
    const behind = { listen: { host: '127.0.0.1', port: 8444 }, proxyProtocolFrom: ['127.0.0.1'] };
    install({ ...behind, allowCidr: { ranges: ['198.51.100.0/24'], files: [] } });
    const { stdout, stderr } = await nftables();
    expect(stdout).not.toContain('tcp');
    expect(stdout).toContain('udp dport 3479 jump strangers');
    expect(stderr).toContain('Port 443/tcp is left alone');
    expect((await nftables('--derp-port', '443')).stdout).toContain('tcp dport 443 jump strangers');
  });

  it('warns where the authority of the certificate would be kept out too', async () => {
    install({ denyCidr: { ranges: ['198.51.100.0/24'], files: [] } });
    const warned = async (answers: object) => {
      writeFileSync(layoutBelow(root).config, JSON.stringify({ version: 1, answers }));
      return /http-01/.test((await nftables()).stderr);
    };
    expect(await warned({ cert: 'letsencrypt', acmeChallenge: 'tls-alpn-01' })).toBe(true);
    expect(await warned({ cert: 'letsencrypt' })).toBe(false);
    expect(await warned({ cert: 'self-signed', acmeChallenge: 'tls-alpn-01' })).toBe(false);
    install({ denyCidr: { ranges: ['198.51.100.0/24'], files: [] }, httpPort: -1 });
    expect(await warned({ cert: 'letsencrypt' })).toBe(true);
  });

  it('says what is missing or wrong, and prints no rules', async () => {
    expect(await nftables()).toMatchObject({ code: 1, stdout: '' });
    install({ allowCidr: null });
    const codes = async (...args: string[]) => {
      const { code, stdout } = await nftables('--json', ...args);
      return [code, ...JSON.parse(stdout).problems.map((problem: { code: string }) => problem.code)];
    };
    expect(await codes()).toEqual([2, 'needs-address-list']);
    expect(await codes('--allow-cidr', 'none')).toEqual([2, 'needs-address-list']);
    expect(await codes('--allow-cidr')).toEqual([2, 'missing-value']);
    expect(await codes('--allow-cidr', '10.0.0.1/8,10.0.0.0/40', '--derp-port', 'x')).toEqual([
      2,
      'bad-range',
      'bad-range',
      'not-a-port',
    ]);
    expect(await codes('--deny-cidr', '/nowhere')).toEqual([2, 'file']);
    const empty = join(home, 'empty');
    writeFileSync(empty, '# nobody\n');
    expect(await codes('--allow-cidr', empty)).toEqual([2, 'empty-address-list']);
  });
});
