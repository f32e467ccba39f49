import { arch, totalmem } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  describeMachine,
  parseContainerVariable,
  parseOsRelease,
  parseSystemdVersion,
} from '../../src/system/machine.ts';

describe('parseOsRelease', () => {
  it('reads values in every kind of quotes', () => {
    const text = `# made by hand
NAME="Debian GNU/Linux"
ID=debian
VERSION_ID='12'
PRETTY_NAME="Debian \\"GNU\\"/Linux \\$12 \\\\ (bookworm)"  \n
HOME_URL=https://example.com/?a=b
EMPTY=
EMPTY_QUOTED=""
not a line
1BAD=x
`;
    expect(parseOsRelease(text)).toEqual({
      NAME: 'Debian GNU/Linux',
      ID: 'debian',
      VERSION_ID: '12',
      PRETTY_NAME: 'Debian "GNU"/Linux $12 \\ (bookworm)',
      HOME_URL: 'https://example.com/?a=b',
      EMPTY: '',
      EMPTY_QUOTED: '',
    });
  });

  it('reads carriage returns away, and nothing out of nothing', () => {
    expect(parseOsRelease('ID=alpine\r\nNAME="Alpine Linux"\r\n')).toEqual({ ID: 'alpine', NAME: 'Alpine Linux' });
    expect(parseOsRelease('')).toEqual({});
  });
});

describe('parseSystemdVersion', () => {
  it.each([
    ['systemd 252 (252.38-1~deb12u1)\n+PAM +AUDIT\n', 252],
    ['systemd 219\n+PAM', 219],
    ['systemd 257-rc1 (257~rc1-1)', 257],
    ['something else', undefined],
  ])('of %j is %s', (text, version) => {
    expect(parseSystemdVersion(text)).toBe(version);
  });
});

describe('parseContainerVariable', () => {
  it.each([
    ['PATH=/bin\0container=lxc\0TERM=linux\0', 'lxc'],
    ['container=systemd-nspawn\0', 'systemd-nspawn'],
    ['notcontainer=x\0container=\0', undefined],
    ['', undefined],
  ])('of %j is %s', (text, kind) => {
    expect(parseContainerVariable(text)).toBe(kind);
  });
});

describe('describeMachine', () => {
  it('describes this one', async () => {
    const machine = await describeMachine();
    expect(machine).toMatchObject({ architecture: arch(), memoryBytes: totalmem(), isRoot: process.getuid?.() === 0 });
    expect(machine.osId).toMatch(/^[a-z0-9._-]+$/);
    expect(machine.osName).not.toBe('');
    if (machine.systemd) expect(machine.systemd.version).toBeGreaterThan(200);
  });
});
