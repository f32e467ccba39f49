import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { formatPublicKey } from '../../src/protocol/keys.ts';
import { KeyListError, loadKeyList, parseKeyList } from '../../src/relay/admission/key-list.ts';
import { defaults } from '../../src/relay/defaults.ts';
import { RelayStartError } from '../../src/relay/start-error.ts';
import { temporaryDirectory } from '../temporary.ts';
import { logIn } from './support/raw-client.ts';
import { startTestRelay } from './support/test-relay.ts';

const keyOf = (byte: number) => Buffer.alloc(32, byte);
const line = (byte: number) => formatPublicKey(keyOf(byte));

/** The line that the text is refused for. */
function badLine(text: string): number {
  try {
    parseKeyList(text);
  } catch (error) {
    if (error instanceof KeyListError) return error.line;
    throw error;
  }
  return 0;
}

describe('a key list', () => {
  it('has a key a line, blank lines and comments, with any line ends', () => {
    const text = `\uFEFF# who may\r\n\r\n${line(1)}\r\n  ${line(2)}  # the printer\n\t\n${line(1)}\n${line(0xab).toUpperCase().replace('NODEKEY', 'nodekey')}`;
    const list = parseKeyList(text);
    expect(list.size).toBe(3);
    expect([1, 2, 0xab, 3].map((byte) => list.has(keyOf(byte)))).toEqual([true, true, true, false]);
    expect(parseKeyList('').size).toBe(0);
  });

  it.each([
    ['a key without its prefix', line(1).slice(8)],
    ['a short key', line(1).slice(0, -1)],
    ['a long key', `${line(1)}0`],
    ['other digits', `${line(1).slice(0, -1)}g`],
    ['two keys', `${line(1)} ${line(2)}`],
    ['a name behind the key without #', `${line(1)} printer`],
    ['an endless line', `# ${'x'.repeat(defaults.keyListLineLength)}`],
  ])('with %s is refused by its line', (_, text) => {
    expect(badLine(`${line(3)}\n\n${text}\n`)).toBe(3);
  });

  it('is not quoted: somebody may have put a private key there', () => {
    const secret = `privkey:${'5e'.repeat(32)}`;
    expect(() => parseKeyList(secret)).toThrow(/private key/);
    for (const text of [secret, secret.slice(8)]) expect(() => parseKeyList(text)).not.toThrow(/5e5e/);
  });

  it('names file and line when it cannot be loaded', async () => {
    const path = join(temporaryDirectory(), 'keys');
    const problem = async () => (await loadKeyList(path).catch((error: unknown) => error)) as RelayStartError;
    expect(await problem()).toMatchObject({ code: 'bad-key-list', message: expect.stringContaining(path) });
    await writeFile(path, `${line(1)}\nnodekey:12\n`);
    expect((await problem()).message).toContain(`${path}, line 2 `);
    await writeFile(path, Buffer.alloc(defaults.keyListBytes + 1, '\n'));
    expect((await problem()).message).toContain('is longer than');
    await writeFile(path, Buffer.alloc(defaults.keyListBytes, '\n'));
    expect((await loadKeyList(path)).size).toBe(0);
  });
});

describe('a relay with a key file', () => {
  const secrets = [1, 2, 3].map((byte) => Buffer.alloc(32, byte));

  /** A key file that lists the public keys of raw clients. */
  async function keyFile() {
    const path = join(temporaryDirectory(), 'keys');
    const list = (...keys: Buffer[]) => writeFile(path, keys.map((key) => `${formatPublicKey(key)}\n`).join(''));
    await list();
    return { path, list };
  }

  /** The public keys of clients with those secrets. */
  async function publicKeys(): Promise<Buffer[]> {
    await using open = await startTestRelay();
    const keys: Buffer[] = [];
    for (const secret of secrets) {
      await using client = await logIn(open.port, { secret });
      keys.push(client.publicKey);
    }
    return keys;
  }

  it('lets in whom it lists, says so in /debug/vars, and refuses the rest with the reason', async () => {
    const [one] = await publicKeys();
    const { path, list } = await keyFile();
    await list(one!);
    await using server = await startTestRelay({ admission: { keyFile: path } });
    await using client = await logIn(server.port, { secret: secrets[0]! });
    await client.settled();
    await expect(logIn(server.port, { secret: secrets[1]! })).rejects.toThrow(/closed/);
    expect(server.relay.snapshot()).toMatchObject({ admission: ['key_file'], logins_refused: 1, clients: 1 });
    expect(server.log.find(({ event }) => event === 'client_refused')).toMatchObject({
      key: expect.stringMatching(/^\[.{5}\]$/),
      address: '127.0.0.1',
      reason: 'not in the key file',
    });
  });

  it('does not start with a bad one, and leaves no new key behind', async () => {
    const { path } = await keyFile();
    await writeFile(path, 'nonsense\n');
    const identity = join(temporaryDirectory(), 'derper.key');
    const started = startTestRelay({ admission: { keyFile: path }, keyFile: identity });
    await expect(started).rejects.toThrow(`${path}, line 1 `);
    await expect(started).rejects.toBeInstanceOf(RelayStartError);
    expect(existsSync(identity)).toBe(false);
  });

  it('reads it again on reload: new keys get in, removed ones are disconnected, the others keep their connection', async () => {
    const [one, two, three] = await publicKeys();
    const { path, list } = await keyFile();
    await list(one!, two!);
    await using server = await startTestRelay({ admission: { keyFile: path } });
    await using stays = await logIn(server.port, { secret: secrets[0]! });
    await using goes = await logIn(server.port, { secret: secrets[1]! });
    await list(one!, three!);
    await server.relay.reload();
    await goes.untilClosed();
    await stays.settled();
    await using comes = await logIn(server.port, { secret: secrets[2]! });
    await comes.settled();
    expect(server.relay.snapshot()).toMatchObject({ clients: 2, admission_removals: 1, logins_refused: 0 });
    expect(server.log.filter(({ event }) => event === 'client_removed')).toEqual([
      expect.objectContaining({ reason: 'not in the key file', address: '127.0.0.1' }),
    ]);
    await expect(logIn(server.port, { secret: secrets[1]! })).rejects.toThrow(/closed/);
  });

  it.each(['broken', 'missing'])(
    'keeps the old list when the new one is %s, and reads the certificate all the same',
    async (how) => {
      const [one] = await publicKeys();
      const { path, list } = await keyFile();
      await list(one!);
      await using server = await startTestRelay({ admission: { keyFile: path } });
      await using client = await logIn(server.port, { secret: secrets[0]! });
      if (how === 'broken') await writeFile(path, `${formatPublicKey(one!)}\nnodekey:`);
      else await rm(path);
      await expect(server.relay.reload()).rejects.toThrow(path);
      await client.settled();
      await using again = await logIn(server.port, { secret: secrets[0]! });
      await again.settled();
      const events = server.log.map(({ event }) => event);
      expect(events).toContain('key_file_not_reloaded');
      expect(events).toContain('certificate_reloaded');
      expect(events).not.toContain('client_removed');
    },
  );

  it('reads it again when the certificate is bad', async () => {
    const [one] = await publicKeys();
    const { path, list } = await keyFile();
    await list(one!);
    await using server = await startTestRelay({ admission: { keyFile: path } });
    await using client = await logIn(server.port, { secret: secrets[0]! });
    await list();
    await writeFile(server.config.certificate!.certFile, 'nonsense');
    await expect(server.relay.reload()).rejects.toThrow(/certificate/);
    await client.untilClosed();
  });

  it('ends with what the last of several reloads has read, even when an earlier one takes longer', async () => {
    const [one, two] = await publicKeys();
    const { path, list } = await keyFile();
    await list(one!);
    await using server = await startTestRelay({ admission: { keyFile: path } });
    // A pipe in the file's place: the first reload reads until the test has written all of it.
    await rm(path);
    execFileSync('mkfifo', [path]);
    const first = server.relay.reload();
    const pipe = await open(path, 'w');
    const replacement = `${path}.new`;
    await writeFile(replacement, `${formatPublicKey(two!)}\n`);
    await rename(replacement, path);
    const second = server.relay.reload();
    await delay(100);
    await pipe.write(`${formatPublicKey(one!)}\n`);
    await pipe.close();
    await Promise.all([first, second]);
    await using client = await logIn(server.port, { secret: secrets[1]! });
    await client.settled();
    await expect(logIn(server.port, { secret: secrets[0]! })).rejects.toThrow(/closed/);
  });
});
