/** Taking our changes out of files, whatever others have done to them since. */
import { describe, expect, it } from 'vitest';
import { changeText, fileEdit, takeOut } from '../../../src/deploy/nginx/file-edits.ts';
import { isNginxRecord, type NginxRecord, recordAfter, withoutRecorded } from '../../../src/deploy/nginx/record.ts';

const ORIGINAL = `server {
    listen 443 ssl default_server; # managed by Certbot
    listen [::]:443 ssl;
    server_name a.example;
}
`;
const PATH = '/etc/nginx/sites-available/a';

const at = (text: string) => {
  const start = ORIGINAL.indexOf(text);
  return { start, end: start + text.length };
};
const edit = fileEdit(PATH, ORIGINAL, [
  {
    ...at('listen [::]:443 ssl;'),
    text: 'listen 127.0.0.6:8444 ssl proxy_protocol;',
  },
  {
    ...at('listen 443 ssl default_server;'),
    text: 'listen 127.0.0.1:8444 ssl default_server proxy_protocol; include /etc/nginx/derp-setup-sites.conf;',
  },
]);
const record: NginxRecord = {
  port: 443,
  sitesPort: 8444,
  doors: [
    { address: '0.0.0.0', inner: '127.0.0.1' },
    { address: '::', inner: '127.0.0.6' },
  ],
  edited: [{ path: PATH, backup: '/b', originalSha256: 'a', editedSha256: 'b', replaced: edit.replaced }],
  sites: [{ address: '127.0.0.1', port: 443 }],
};
const back = (text: string) => withoutRecorded(PATH, text, record);

describe('fileEdit', () => {
  it('changes these places and no others', () => {
    expect(edit.edited).toContain('proxy_protocol; include /etc/nginx/derp-setup-sites.conf; # managed by Certbot');
    expect(edit.replaced.map(({ original }) => original)).toEqual([
      'listen 443 ssl default_server;',
      'listen [::]:443 ssl;',
    ]);
    expect(changeText('abc', [])).toBe('abc');
  });
});

describe('taking it back', () => {
  it('gives the text that was', () => {
    expect(back(edit.edited)).toBe(ORIGINAL);
    expect(back(ORIGINAL)).toBe(ORIGINAL);
  });

  it('keeps what others have added, removed and moved', () => {
    const added = `# mine\n${edit.edited.replace('server_name a.example;', 'server_name a.example;\n    gzip on;')}`;
    expect(back(added)).toBe(
      `# mine\n${ORIGINAL.replace('server_name a.example;', 'server_name a.example;\n    gzip on;')}`,
    );
    const lines = edit.edited.split('\n');
    const swapped = [lines[0], lines[2], lines[1], ...lines.slice(3)].join('\n');
    const wanted = ORIGINAL.split('\n');
    expect(back(swapped)).toBe([wanted[0], wanted[2], wanted[1], ...wanted.slice(3)].join('\n'));
  });

  it('understands lines that were spelt anew', () => {
    const spelt = edit.edited
      .replace(
        'listen 127.0.0.1:8444 ssl default_server proxy_protocol; include',
        'listen  127.0.0.1:8444  ssl\n  proxy_protocol default_server;\n    include',
      )
      .replace('listen 127.0.0.6:8444 ssl proxy_protocol;', "listen '127.0.0.6:8444' proxy_protocol ssl;");
    const restored = back(spelt);
    expect(restored).toContain('listen 443 ssl default_server;');
    expect(restored).toContain('listen [::]:443 ssl;');
    expect(restored).not.toMatch(/derp-setup|127\.0\.0|proxy_protocol/);
  });

  it('leaves listens of others on those addresses alone', () => {
    const other = 'server { listen 127.0.0.1:9000; listen 127.0.0.6:8445 ssl; }';
    expect(back(other)).toBe(other);
  });

  it('leaves a text that is no configuration as far as it is not ours', () => {
    expect(back(`${edit.edited}}`)).toBe(`${ORIGINAL}}`);
  });

  it('knows what was written before the last run, which may have been killed', () => {
    const moved = { ...record, sitesPort: 9444, edited: [] };
    const after = recordAfter(record, moved);
    expect(withoutRecorded(PATH, edit.edited, after)).toBe(ORIGINAL);
    expect(recordAfter(after, moved)).toEqual(after);
    expect(recordAfter(undefined, record)).toEqual(record);
  });

  it('takes each of several equal lines once', () => {
    const replaced = [
      { written: 'x', original: 'a' },
      { written: 'x', original: 'b' },
    ];
    expect(takeOut('x x x', replaced)).toBe('a b x');
    expect(takeOut('x', [{ written: '', original: 'y' }])).toBe('x');
  });
});

describe('isNginxRecord', () => {
  it('takes what was written, and nothing that is damaged', () => {
    expect(isNginxRecord(JSON.parse(JSON.stringify(record)))).toBe(true);
    for (const damaged of [
      undefined,
      null,
      {},
      { ...record, edited: [7] },
      { ...record, doors: null },
      { ...record, port: '1' },
    ])
      expect(isNginxRecord(damaged)).toBe(false);
    expect(isNginxRecord({ ...record, earlier: { port: 1 } })).toBe(false);
  });
});
