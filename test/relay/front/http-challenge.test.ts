import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../temporary.ts';
import { ChallengeFolder } from '../support/challenges.ts';
import { ask, askRaw } from '../support/http.ts';
import { startTestRelay, type TestRelay } from '../support/test-relay.ts';

const TOKEN = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA';
const ANSWER = `${TOKEN}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI`;
const PATH = '/.well-known/acme-challenge/';

let server: TestRelay;
let directory: string;
let folder: ChallengeFolder;
beforeEach(async () => {
  directory = join(temporaryDirectory(), 'acme');
  folder = new ChallengeFolder(directory);
  server = await startTestRelay({ httpPort: 0, challengeDirectory: directory });
});
afterEach(() => server[Symbol.asyncDispose]());

const plain = (what: string, headers = '') => ask(server.relay.ports.http, what, { tls: false, headers });
const count = (kind: string) => server.count('challenges', kind);

describe('an http-01 challenge', () => {
  it('is answered from the moment its file is there until it is gone', async () => {
    expect((await plain(`GET ${PATH}${TOKEN}`)).status).toBe(404);
    folder.http(TOKEN, ANSWER);
    const answer = await plain(`GET ${PATH}${TOKEN}`, 'Host: 203.0.113.7\r\n');
    expect(answer).toMatchObject({ status: 200, body: ANSWER });
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': `${ANSWER.length}`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    const head = await plain(`HEAD ${PATH}${TOKEN}`);
    expect(head).toMatchObject({ status: 200, body: '' });
    expect(head.headers['content-length']).toBe(`${ANSWER.length}`);
    rmSync(folder.http(TOKEN));
    expect((await plain(`GET ${PATH}${TOKEN}`)).status).toBe(404);
    expect([count('http_01'), count('unknown')]).toEqual([2, 2]);
  });

  it('keeps its connection open for the next one', async () => {
    folder.http(TOKEN, ANSWER);
    const request = `GET ${PATH}${TOKEN} HTTP/1.1\r\nHost: a\r\n`;
    const both = await askRaw(server.relay.ports.http, `${request}\r\n${request}Connection: close\r\n\r\n`, {
      tls: false,
    });
    expect(both.body.split(ANSWER)).toHaveLength(3);
  });

  it('is not answered by other methods', async () => {
    folder.http(TOKEN, ANSWER);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const answer = await plain(`${method} ${PATH}${TOKEN}`);
      expect(answer.status).toBe(400);
      expect(answer.body).not.toContain(ANSWER);
    }
    expect((await plain(`TRACE ${PATH}${TOKEN}`)).status).toBe(400);
    expect((await plain(`FETCH ${PATH}${TOKEN}`)).status).toBe(400);
    expect(count('http_01')).toBe(0);
  });

  it.each([
    '',
    '.',
    '..',
    '../secret',
    '..%2fsecret',
    '%2e%2e/secret',
    '....//secret',
    '..\\secret',
    '/etc/passwd',
    '%2fetc%2fpasswd',
    'folder/inner',
    'folder/../../../../secret',
    '.hidden',
    'folder',
    `${TOKEN}?x`,
    `${TOKEN}/`,
    `${TOKEN}%00`,
    `${TOKEN}.txt`,
    '%c3%a4',
    'a'.repeat(129),
    'a'.repeat(5000),
  ])('is not %j', async (token) => {
    folder.http(TOKEN, ANSWER);
    const files = join(directory, 'webroot/.well-known/acme-challenge');
    mkdirSync(join(files, 'folder'));
    for (const path of ['secret', '../secret', '../../secret', '../../../secret', '.hidden', 'folder/inner']) {
      writeFileSync(join(files, path), 'secret');
    }
    const answer = await plain(`GET ${PATH}${token}`);
    expect(answer.status).toBe(404);
    expect(answer.body).not.toMatch(/secret|9jg46/);
    expect(count('http_01')).toBe(0);
  });

  it('is not anything beside the tokens', async () => {
    folder.http(TOKEN, ANSWER);
    writeFileSync(join(directory, 'webroot', TOKEN), 'secret');
    for (const path of ['/', '/.well-known/', '/.well-known/acme-challenge', `/${TOKEN}`, `/x/..${PATH}${TOKEN}`]) {
      const answer = await plain(`GET ${path}`);
      expect(answer.status).toBe(302);
      expect(answer.body).not.toMatch(/secret|9jg46/);
    }
    expect((await ask(server.port, `GET ${PATH}${TOKEN}`)).status).toBe(404);
  });

  it('is no link, no longer than 4 KB, and says in the log what is wrong, once', async () => {
    folder.http('long', 'x'.repeat(4097));
    folder.http('whole', 'x'.repeat(4096));
    writeFileSync(join(directory, 'secret'), 'secret');
    symlinkSync(join(directory, 'secret'), folder.http('link'));
    expect((await plain(`GET ${PATH}whole`)).body).toHaveLength(4096);
    for (const token of ['long', 'long', 'link', 'link']) {
      expect((await plain(`GET ${PATH}${token}`)).status).toBe(404);
    }
    const troubles = server.log.filter(({ event }) => event === 'challenge_unusable');
    expect(troubles.map(({ level, problem }) => [level, problem])).toEqual([
      ['warn', expect.stringMatching(/long: longer than 4096 bytes/)],
      ['warn', expect.stringMatching(/link: not a plain file/)],
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('says when it may not read the file', async () => {
    chmodSync(folder.http(TOKEN, ANSWER), 0);
    expect((await plain(`GET ${PATH}${TOKEN}`)).status).toBe(404);
    expect(server.log).toContainEqual(expect.objectContaining({ event: 'challenge_unusable' }));
  });
});

describe('without a folder for challenges', () => {
  it('they are sent to HTTPS as everything is', async () => {
    await using other = await startTestRelay({ httpPort: 0 });
    const answer = await ask(other.relay.ports.http, `GET ${PATH}${TOKEN}`, { tls: false });
    expect(answer.status).toBe(302);
  });
});
