import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatKeyFile, generateKeyPair } from '../../src/protocol/keys.ts';
import { loadOrCreateIdentity } from '../../src/relay/identity.ts';
import { RelayStartError } from '../../src/relay/start-error.ts';
import { temporaryDirectory } from '../temporary.ts';
import { startTestRelay } from './support/test-relay.ts';

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('the relay’s key', () => {
  it('is made and kept, for its owner’s eyes only', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'state', 'derper.key');
    const umask = process.umask(0);
    const made = await loadOrCreateIdentity(path).finally(() => process.umask(umask));
    expect(modeOf(path)).toBe('600');
    expect(modeOf(join(directory, 'state'))).toBe('700');
    expect(readdirSync(join(directory, 'state'))).toEqual(['derper.key']);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      PrivateKey: expect.stringMatching(/^privkey:[0-9a-f]{64}$/),
    });
    const again = await loadOrCreateIdentity(path);
    expect(again.publicKey.equals(made.publicKey)).toBe(true);
  });

  it('is taken over from derper, and its file not touched', async () => {
    const path = join(temporaryDirectory(), 'derper.key');
    const pair = generateKeyPair();
    // As Go's json.MarshalIndent writes it.
    const text = JSON.stringify(JSON.parse(formatKeyFile(pair)), null, '\t');
    writeFileSync(path, text, { mode: 0o640 });
    expect((await loadOrCreateIdentity(path)).publicKey.equals(pair.publicKey)).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(modeOf(path)).toBe('640');
  });

  it('is the one that clients see', async () => {
    const path = join(temporaryDirectory(), 'derper.key');
    const pair = generateKeyPair();
    writeFileSync(path, formatKeyFile(pair));
    await using server = await startTestRelay({ keyFile: path });
    expect(server.relay.publicKey.equals(pair.publicKey)).toBe(true);
  });

  const whole = formatKeyFile(generateKeyPair());
  it.each([
    ['empty', ''],
    ['cut short', whole.slice(0, -20)],
    ['cut short in the key', whole.replace(/[0-9a-f]{10}"/, '"')],
    ['no JSON', 'privkey:00'],
    ['without a key', '{}'],
    ['with a key of zeros', JSON.stringify({ PrivateKey: `privkey:${'0'.repeat(64)}` })],
    ['with a public key', JSON.stringify({ PrivateKey: `nodekey:${'1'.repeat(64)}` })],
    ['zeros, as a crash may leave it', '\0'.repeat(whole.length)],
  ])('is never replaced when its file is %s', async (_, text) => {
    const directory = temporaryDirectory();
    const path = join(directory, 'derper.key');
    writeFileSync(path, text);
    const problem: unknown = await loadOrCreateIdentity(path).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(RelayStartError);
    expect(problem).toMatchObject({ code: 'bad-key-file' });
    expect((problem as Error).message).toContain(path);
    expect((problem as Error).message).toContain('restore it from a backup, or move it away');
    expect((problem as Error).message).not.toMatch(/[0-9a-f]{40}/);
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(readdirSync(directory)).toEqual(['derper.key']);
    // And the relay as a whole gives up, too.
    await expect(startTestRelay({ keyFile: path })).rejects.toMatchObject({ code: 'bad-key-file' });
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('is refused where it cannot be read or written', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'derper.key'));
    writeFileSync(join(directory, 'file'), '');
    await expect(loadOrCreateIdentity(join(directory, 'derper.key'))).rejects.toMatchObject({ code: 'bad-key-file' });
    const below = loadOrCreateIdentity(join(directory, 'file', 'derper.key'));
    await expect(below).rejects.toMatchObject({ code: 'bad-key-file', name: 'RelayStartError' });
  });
});
