/** nginx by its own command, as recorded on Debian 12. Real ones are asked in test/nginx. */
import { describe, expect, it } from 'vitest';
import {
  findNginx,
  NginxError,
  parseNginxDump,
  parseNginxVersion,
  readNginxConfiguration,
  reloadNginx,
  testNginx,
} from '../../src/system/nginx.ts';
import { CommandError, type CommandResult, type Run } from '../../src/system/processes.ts';
import { recordedRun } from './recorded-run.ts';

const VERSION = `nginx version: nginx/1.22.1
built with OpenSSL 3.0.8 7 Feb 2023 (running with OpenSSL 3.0.17 1 Jul 2025)
TLS SNI support enabled
configure arguments: --with-cc-opt='-g -O2 -fPIC' --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf --with-stream=dynamic
`;

/** One that answers always the same. */
const answering = (result: Partial<CommandResult>) => recordedRun(() => result);

describe('the version', () => {
  it.each([
    [VERSION, '1.22.1'],
    ['nginx version: openresty/1.25.3.1\nconfigure arguments: --prefix=/usr/local/openresty/nginx', '1.25.3.1'],
    ['nginx version: Tengine/3.1.0 (nginx/1.24.0)\n', '3.1.0'],
    ['Apache/2.4.57', undefined],
    ['', undefined],
  ])('in %j', (text, version) => {
    expect(parseNginxVersion(text)?.version).toBe(version);
  });

  it('comes with the words that it was built with', () => {
    expect(parseNginxVersion(VERSION)?.arguments).toEqual([
      "--with-cc-opt='-g -O2 -fPIC'",
      '--prefix=/usr/share/nginx',
      '--conf-path=/etc/nginx/nginx.conf',
      '--with-stream=dynamic',
    ]);
  });

  it('is asked of the program; there may be none', async () => {
    const { run, commands } = answering({ stderr: VERSION });
    expect((await findNginx(run))?.version).toBe('1.22.1');
    expect(commands).toEqual(['nginx -V']);
    const none: Run = async (command, args) => {
      throw new CommandError('not-found', command, args);
    };
    expect(await findNginx(none)).toBeUndefined();
    expect(await findNginx(answering({ code: 127, stderr: VERSION }).run)).toBeUndefined();
  });
});

describe('the configuration', () => {
  it('is split into its files, byte for byte', () => {
    const dump =
      '# configuration file /etc/nginx/nginx.conf:\nhttp {\n}\n\n# configuration file /etc/nginx/a b.conf:\nx;\n';
    expect(parseNginxDump(dump)).toEqual([
      { path: '/etc/nginx/nginx.conf', text: 'http {\n}\n' },
      { path: '/etc/nginx/a b.conf', text: 'x;' },
    ]);
    expect(parseNginxDump('')).toEqual([]);
  });

  it('that nginx refuses is an error with its words', async () => {
    const stderr = `nginx: [emerg] unknown directive "lisen" in /etc/nginx/sites-enabled/a:2
nginx: configuration file /etc/nginx/nginx.conf test failed
`;
    const { run } = answering({ code: 1, stderr });
    for (const ask of [readNginxConfiguration, testNginx]) {
      const error = await ask(run).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(NginxError);
      expect(error).toMatchObject({
        problem: 'test',
        said: [
          'nginx: [emerg] unknown directive "lisen" in /etc/nginx/sites-enabled/a:2',
          'nginx: configuration file /etc/nginx/nginx.conf test failed',
        ],
      });
    }
  });

  it('that is fine is none', async () => {
    const { run, commands } = answering({
      stderr: 'nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: test is successful\n',
    });
    await testNginx(run);
    expect(commands).toEqual(['nginx -t']);
  });
});

describe('a reload', () => {
  it('is a signal, or an error when nginx does not run', async () => {
    const { run, commands } = answering({});
    await reloadNginx(run);
    expect(commands).toEqual(['nginx -s reload']);
    const stopped = answering({ code: 1, stderr: 'nginx: [error] invalid PID number "" in "/run/nginx.pid"\n' });
    await expect(reloadNginx(stopped.run)).rejects.toMatchObject({ problem: 'reload' });
  });
});
