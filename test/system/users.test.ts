import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  canLogIn,
  createSystemUser,
  findGroup,
  findUser,
  freeSystemId,
  parseGroup,
  parsePasswd,
  removeUser,
  usedIds,
} from '../../src/system/users.ts';
import { temporaryDirectory } from '../temporary.ts';
import { recordedRun } from './recorded-run.ts';

const passwd = `root:x:0:0:root:/root:/bin/bash
# a comment
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
broken:x:abc:33::/:/bin/sh
derp:x:1001:1002:a, b:/home/derp:
+::::::
`;

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('parsePasswd', () => {
  it('finds a user', () => {
    expect(parsePasswd(passwd, 'www-data')).toEqual({
      name: 'www-data',
      uid: 33,
      gid: 33,
      home: '/var/www',
      shell: '/usr/sbin/nologin',
    });
    expect(parsePasswd(passwd, 'derp')).toMatchObject({ uid: 1001, gid: 1002, shell: '' });
  });

  it.each(['nobody', 'broken', 'www', '', '# a comment', '+'])('does not find %j', (name) => {
    expect(parsePasswd(passwd, name)).toBeUndefined();
  });
});

describe('parseGroup', () => {
  const group = 'root:x:0:\nderp:x:1002:alice,bob\nbroken:x:abc:\n';
  it('finds a group by its whole name', () => {
    expect(parseGroup(group, 'derp')).toBe(1002);
    expect(parseGroup(group, 'root')).toBe(0);
    for (const name of ['der', 'alice', 'broken', 'x']) expect(parseGroup(group, name)).toBeUndefined();
  });
});

describe('canLogIn', () => {
  it.each(['/bin/bash', '/usr/bin/fish', '', '/bin/sh'])('with the shell %j: yes', (shell) => {
    expect(canLogIn({ shell })).toBe(true);
  });

  it.each(['/usr/sbin/nologin', '/sbin/nologin', '/bin/false', '/usr/bin/true', '/bin/sync'])('%s: no', (shell) => {
    expect(canLogIn({ shell })).toBe(false);
  });
});

describe('usedIds', () => {
  it('are the third fields of a table, where they are numbers', () => {
    const text = 'root:x:0:0:root:/root:/bin/bash\n+::::::\n\nderp:x:999:998::/x:/x\nbroken\n';
    expect([...usedIds(text)].filter((id) => !Number.isNaN(id))).toEqual([0, 999]);
  });
});

describe.runIf(process.platform === 'linux')('freeSystemId', () => {
  it('is a number that neither a user nor a group has, wherever they are kept', async () => {
    const id = (await freeSystemId())!;
    expect(id).toBeGreaterThan(200);
    expect(id).toBeLessThan(1000);
    for (const file of ['/etc/passwd', '/etc/group']) {
      expect(usedIds(readFileSync(file, 'utf8')).has(id)).toBe(false);
    }
    // Kept in a directory service: the next one down is taken.
    const { run } = recordedRun((_, args) =>
      args.at(-1) === String(id) ? { stdout: `ldap:x:${id}:${id}::/x:/x\n` } : { code: 2 },
    );
    expect(await freeSystemId(run)).toBeLessThan(id);
  });
});

describe.runIf(process.platform === 'linux')('findUser', () => {
  it('finds the users of this machine, and no others', async () => {
    const { username, uid, gid, homedir } = userInfo();
    expect(await findUser(username)).toMatchObject({ name: username, uid, gid, home: homedir });
    expect(await findUser('root')).toMatchObject({ uid: 0, gid: 0 });
    expect(await findUser('no-such-user-here')).toBeUndefined();
    expect(await findUser('--help')).toBeUndefined();
  });

  it('finds groups in the same way', async () => {
    expect(await findGroup('root')).toBe(0);
    expect(await findGroup('no-such-group-here')).toBeUndefined();
  });

  it('reads the file where getent does not answer', async () => {
    const { run } = recordedRun(() => ({ code: 1, stderr: 'Unknown database' }));
    expect(await findUser('root', run)).toMatchObject({ uid: 0 });
  });
});

// Making users would change the machine that runs the tests: here only what is run is looked at.
describe('createSystemUser and removeUser', () => {
  /** A PATH with just these programs, before the administration folders of the machine. */
  function only(...names: string[]): string {
    const folder = temporaryDirectory();
    for (const name of names) {
      writeFileSync(join(folder, name), '');
      chmodSync(join(folder, name), 0o755);
    }
    vi.stubEnv('PATH', folder);
    return folder;
  }

  it('use useradd and userdel where they are', async () => {
    const folder = only('useradd', 'userdel', 'nologin', 'getent');
    const { run, commands } = recordedRun((command) =>
      command === 'getent' ? { stdout: 'derp-relay:x:999:999::/var/lib/x:/usr/sbin/nologin\n' } : undefined,
    );
    await createSystemUser({ name: 'derp-relay', home: '/var/lib/x' }, run);
    await removeUser('derp-relay', run);
    expect(commands).toEqual([
      `useradd --system --user-group --no-create-home --home-dir /var/lib/x --shell ${folder}/nologin derp-relay`,
      'getent passwd -- derp-relay',
      'userdel derp-relay',
      'groupdel derp-relay',
    ]);
  });

  it('give a user and its group the number that they must have', async () => {
    only('useradd', 'nologin');
    const shadow = recordedRun();
    await createSystemUser({ name: 'derp-relay', home: '/x', id: 997 }, shadow.run);
    expect(shadow.commands[0]).toMatch(/^useradd --system --uid 997 --user-group /);
  });

  it('tell when it fails, and not when the group went with its user', async () => {
    only('useradd', 'userdel', 'getent');
    const failing = recordedRun(() => ({ code: 9, stderr: "useradd: user 'derp-relay' already exists" }));
    await expect(createSystemUser({ name: 'derp-relay', home: '/x' }, failing.run)).rejects.toThrow('already exists');
    const group = recordedRun((command) =>
      command === 'getent' ? { stdout: 'derp-relay:x:9:9::/:/x\n' } : command === 'groupdel' ? { code: 6 } : undefined,
    );
    await removeUser('derp-relay', group.run);
    expect(group.commands).toContain('groupdel derp-relay');
  });

  it('do nothing to remove a user that is not there', async () => {
    only('getent', 'userdel');
    const { run, commands } = recordedRun(() => ({ code: 2 }));
    await removeUser('derp-relay', run);
    expect(commands).toEqual(['getent passwd -- derp-relay']);
  });
});
