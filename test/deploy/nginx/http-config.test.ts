import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nginxHttpConfig } from '../../../src/deploy/nginx/http-config.ts';
import { nginxFileSteps, nginxReloadSteps } from '../../../src/deploy/nginx/http-steps.ts';

const template = readFileSync(join(import.meta.dirname, '../../../templates/nginx-http.conf'), 'utf8');
const render = (input: Partial<Parameters<typeof nginxHttpConfig>[1]>) =>
  nginxHttpConfig(
    { 'nginx-http.conf': template },
    { host: 'derp.example.com', listens: ['80'], relayPort: 8080, derpPort: 443, ...input },
  );

describe('the file by which nginx hands port 80 on', () => {
  it.each([
    ['name', {}],
    ['ipv4', { host: '203.0.113.7', listens: ['203.0.113.7:80'], derpPort: 8443 }],
    ['ipv6', { host: '2001:db8::7', listens: ['80', '[::]:80'], relayPort: 8081, derpPort: 8443 }],
  ])('is written for a host that is a %s', async (kind, input) => {
    await expect(render(input)).toMatchFileSnapshot(`../golden/nginx-http.${kind}.conf`);
  });
});

describe('the steps', () => {
  const file = { path: '/etc/nginx/conf.d/zz-derp-setup.conf', content: 'server {}\n' };

  it('write the file, and have nginx read it', () => {
    expect(nginxFileSteps({ file, obsolete: [] })).toEqual([
      expect.objectContaining({ kind: 'file', purpose: 'nginx-config', ...file, mode: 0o644 }),
    ]);
    expect(nginxReloadSteps({ file, obsolete: [] })).toEqual([{ kind: 'nginx', reloadFor: [file.path] }]);
  });

  it('remove what an earlier run has written, before nginx reads', () => {
    expect(nginxReloadSteps({ obsolete: [file.path] })).toEqual([
      { kind: 'remove', what: 'file', path: file.path },
      { kind: 'nginx', reloadFor: [file.path], isOptional: true },
    ]);
  });

  it('are none where nginx has nothing to do with it', () => {
    expect([...nginxFileSteps({ obsolete: [] }), ...nginxReloadSteps({ obsolete: [] })]).toEqual([]);
  });
});
