import { describe, expect, it } from 'vitest';
import { findDerperCommand, mentionsDerper } from '../../../src/setup/derper/command.ts';
import { derperEntries } from '../../../src/setup/derper/schedule.ts';
import { splitShellCommands } from '../../../src/setup/derper/shell-words.ts';

describe('splitShellCommands', () => {
  const environment = { A: 'x y', E: '', N: '7' };
  it.each([
    [`a $A "$A" '$A' \${N}z`, [['a', 'x', 'y', 'x y', '$A', '7z']]],
    ['a --b=$E $E "$E" c', [['a', '--b=', '', 'c']]],
    [`a \${M:-d e} \${N:-8} \${M-f}`, [['a', 'd', 'e', '7', 'f']]],
    ['a && b;c|d & e\nf', [['a'], ['b'], ['c'], ['d'], ['e'], ['f']]],
    ['a \\\n  b\\ c "d\\"e"', [['a', 'b c', 'd"e']]],
    ['a :443 >>log 2>&1', [['a', ':443'], ['log'], ['1']]],
    ['a $(b) $ $1', [['a', '$(b)', '$', '$1']]],
    ['', []],
  ])('%s', (text, expected) => {
    expect(splitShellCommands(text, environment)).toEqual(expected);
  });
});

describe('findDerperCommand', () => {
  const find = (...words: string[]) => findDerperCommand(words, { H: 'derp.example.com' })?.join(' ');

  it.each([
    [['/usr/bin/derper', '-a', ':1'], '/usr/bin/derper -a :1'],
    [['sh', '-c', 'make-cert && /app/derper -hostname=$H'], '/app/derper -hostname=derp.example.com'],
    [['/bin/bash', '-lc', 'exec derper -a :1 >>/var/log/derper 2>&1'], 'derper -a :1'],
    [['busybox', 'sh', '-c', 'derper'], 'derper'],
    [['/usr/bin/env', 'HOME=/var/lib/derper', '/opt/derper', '-a', ':1'], '/opt/derper -a :1'],
    [['sudo', '-u', 'derper', '/opt/derper/derper', '-c', 'k'], '/opt/derper/derper -c k'],
    [['gosu', 'derper', 'derper', '-c', 'k'], 'derper -c k'],
    [['tini', '--', 'sh', '-c', 'derper -a :1'], 'derper -a :1'],
    [['/tmp/derper-linux-amd64', '-dev'], '/tmp/derper-linux-amd64 -dev'],
  ])('%j', (words, expected) => {
    expect(find(...words)).toBe(expected);
  });

  it.each([
    [['docker', 'run', '--name', 'derper', 'x']],
    [['systemctl', 'restart', 'derper']],
    [['sh', '-c', 'systemctl restart derper']],
    [['/usr/bin/derperer']],
    [['/opt/derper.sh']],
    [['vi', 'derper']],
    [['env', 'A=/x/derper']],
    [[]],
  ])('is nothing for %j', (words) => {
    expect(find(...words)).toBeUndefined();
  });
});

describe('entries of cron', () => {
  it('are found by the line', () => {
    const text = '# derper\nSHELL=/bin/sh\n0 */2 * * * docker restart ip_derper &> /dev/null\n@reboot /opt/derperer\n';
    expect(derperEntries({ path: '/etc/crontab', text })).toEqual([{ file: '/etc/crontab', line: 3 }]);
  });

  it('are not those of this project', () => {
    expect(mentionsDerper('derp-setup renew; derp-relay')).toBe(false);
    expect(mentionsDerper('ghcr.io/yangchuansheng/ip_derper')).toBe(true);
  });
});
