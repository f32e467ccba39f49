import { describe, expect, it } from 'vitest';
import { nginxPaths, reloadFailure } from '../../../src/setup/nginx/running.ts';
import { parentInStat } from '../../../src/system/nginx-process.ts';

const nginx = {
  version: '1.22.1',
  arguments: ['--prefix=/usr/share/nginx', '--pid-path=/run/nginx.pid', '--error-log-path=/var/log/nginx/error.log'],
};
const paths = (text: string) => nginxPaths(nginx, [{ path: '/etc/nginx/nginx.conf', text }]);

describe('nginxPaths', () => {
  it.each([
    ['', '/run/nginx.pid', '/var/log/nginx/error.log'],
    ['pid logs/n.pid; error_log /var/log/n.log warn;', '/usr/share/nginx/logs/n.pid', '/var/log/n.log'],
    ['error_log stderr;', '/run/nginx.pid', undefined],
    ['error_log syslog:server=unix:/dev/log;', '/run/nginx.pid', undefined],
    ['not a configuration', '/run/nginx.pid', '/var/log/nginx/error.log'],
  ])('%j', (text, pid, errorLog) => {
    expect(paths(text)).toEqual({ pid, errorLog });
  });
});

describe('reloadFailure', () => {
  it('gives each reason once, without numbers of processes', () => {
    const log = `2026/11/21 18:50:01 [notice] 123#123: signal process started
2026/11/21 18:50:01 [emerg] 77#77: bind() to 127.0.0.1:8444 failed (98: Address already in use)
2026/11/21 18:50:02 [emerg] 77#77: bind() to 127.0.0.1:8444 failed (98: Address already in use)
2026/11/21 18:50:03 [emerg] 77#77: still could not bind()
`;
    expect(reloadFailure(log)).toEqual([
      'bind() to 127.0.0.1:8444 failed (98: Address already in use)',
      'still could not bind()',
    ]);
    expect(reloadFailure('')).toEqual([]);
  });
});

describe('parentInStat', () => {
  it('is read behind a name that may hold anything', () => {
    expect(parentInStat('812 (nginx) S 1 812 812 0')).toBe(1);
    expect(parentInStat('813 (a) b (c) S 812 812 812 0')).toBe(812);
    expect(parentInStat('')).toBeUndefined();
  });
});
