import { describe, expect, it } from 'vitest';
import { hangClauses, hangParts, hangText } from '../../../src/cli/lines/hanging-lines.ts';

describe('text below its own beginning', () => {
  it('is one line where there is no terminal', () => {
    const long = 'word '.repeat(60).trim();
    expect(hangText('> ', 2, long, undefined)).toEqual([`> ${long}`]);
    expect(hangClauses('> ', 2, `${long}; ${long}`, undefined)).toHaveLength(1);
    expect(hangParts('> ', 2, { parts: [long, long], separator: ' · ' }, undefined)).toEqual([`> ${long} · ${long}`]);
  });

  it('is broken at words, and between two Chinese characters', () => {
    expect(hangText('> ', 2, 'one two three four five six', 22)).toEqual(['> one two three four', '  five six']);
    expect(hangText('> ', 2, '中继正在监听端口，客户端可以连接', 22)).toEqual([
      '> 中继正在监听端口，客',
      '  户端可以连接',
    ]);
  });

  it('keeps a little room however narrow the terminal is', () => {
    expect(hangText('        ', 8, 'one two three four five', 10)).toEqual([
      '        one two three four',
      '        five',
    ]);
  });

  it('breaks parts between two of them first', () => {
    const parts = { parts: ['first part', 'second part', 'third'], separator: ' · ' };
    expect(hangParts('Label ', 6, parts, 30)).toEqual(['Label first part · second part', '      third']);
  });
});

describe('a remedy', () => {
  it.each([
    ['try this; then: sudo systemctl restart derp-relay', ['try this;', 'then: sudo systemctl restart derp-relay']],
    ['mend it, then: sudo systemctl restart derp-relay', ['mend it, then:', 'sudo systemctl restart derp-relay']],
    [
      'have it read its key: sudo systemctl restart derp-relay',
      ['have it read its key:', 'sudo systemctl restart derp-relay'],
    ],
    ['请修正，然后：sudo systemctl restart derp-relay', ['请修正，然后：', 'sudo systemctl restart derp-relay']],
    ['look; wait; sudo systemctl restart derp-relay', ['look; wait;', 'sudo systemctl restart derp-relay']],
    ['point the DNS of this name at this machine', ['point the DNS of this name at this', 'machine']],
    ['short; and short', ['short; and short']],
    // A time, an address and a URL hold no end of a clause.
    ['curl -i https://head.example.org:8080/verify?a=b;c', ['curl -i https://head.example.org:8080/verify?a=b;c']],
  ])('is broken between clauses, never within a command: %s', (text, lines) => {
    expect(hangClauses('→ ', 2, text, 42)).toEqual(lines.map((line, i) => (i === 0 ? `→ ${line}` : `  ${line}`)));
  });
});
