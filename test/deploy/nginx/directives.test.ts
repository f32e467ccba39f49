import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Directive, NginxSyntaxError, parseDirectives } from '../../../src/deploy/nginx/directives.ts';

const parse = (text: string) => parseDirectives(text, 'nginx.conf');
/** Names, words and blocks alone. */
const shape = (directives: readonly Directive[]): unknown[] =>
  directives.map(({ name, args, block }) => [name, ...args, ...(block ? [shape(block)] : [])]);

describe('parseDirectives', () => {
  it.each([
    ['a b c;', [['a', 'b', 'c']]],
    ['a{b;}', [['a', [['b']]]]],
    ['# a comment; {\na; # another }\n', [['a']]],
    ['log_format x \'"$a" # no comment\' "b\\"c";', [['log_format', 'x', '"$a" # no comment', 'b"c']]],
    ['set $a $'.concat('{b}c;'), [['set', '$a', '$'.concat('{b}c')]]],
    ['a b#c;', [['a', 'b#c']]],
    ['rewrite ^/a\\;b$ /c;', [['rewrite', '^/a\\;b$', '/c']]],
    ['location ~ "\\d{4}" { return 200; }', [['location', '~', '\\d{4}', [['return', '200']]]]],
    [
      'map $a $b {\n  default 1;\n  "" 2;\n}',
      [
        [
          'map',
          '$a',
          '$b',
          [
            ['default', '1'],
            ['', '2'],
          ],
        ],
      ],
    ],
    ['if ($a = "b"){ c; }', [['if', '($a', '=', 'b', ')', [['c']]]]],
    ['\uFEFFa;'.slice(1), [['a']]],
    ['', []],
  ])('reads %j', (text, expected) => {
    expect(shape(parse(text))).toEqual(expected);
  });

  it('knows where each directive stands', () => {
    const text = 'http {\n    server {\n        listen 443 ssl; # x\n    }\n}\n';
    const [http] = parse(text);
    const listen = http!.block![0]!.block![0]!;
    expect(text.slice(listen.start, listen.end)).toBe('listen 443 ssl;');
    expect(listen.line).toBe(3);
    expect(text.slice(http!.start, http!.end)).toBe(text.trimEnd());
  });

  it('leaves Lua alone, whatever braces it has', () => {
    const lua =
      'content_by_lua_block {\n  local a = "}" -- }\n  local b = [[ } ]] --[==[ } ]==]\n  if a then return {1} end\n}';
    const [location] = parse(`location / {\n${lua}\n deny all; }`);
    expect(location!.block!.map(({ name, foreign }) => [name, foreign])).toEqual([
      ['content_by_lua_block', true],
      ['deny', undefined],
    ]);
  });

  it.each([
    ['a', 1],
    ['a {', 1],
    ['}', 1],
    ['a;\n{ }', 2],
    ['a "b', 1],
    ['a "b"c;', 1],
    ['a b }', 1],
    [';', 1],
    ['content_by_lua_block { "', 1],
    ['a{'.repeat(100), 1],
  ])('refuses %j', (text, line) => {
    expect(() => parse(text)).toThrow(NginxSyntaxError);
    expect(() => parse(text)).toThrow(new RegExp(`^nginx.conf:${line}: `));
  });

  it('ends on any text, and stays within it', () => {
    const words = fc.array(
      fc.constantFrom('a', ' ', ';', '{', '}', '"', "'", '\\', '$', '#', '\n', 'x_by_lua_block', '--', '[[', ']]'),
    );
    fc.assert(
      fc.property(words, (parts) => {
        const text = parts.join('');
        let found: Directive[] = [];
        try {
          found = parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(NginxSyntaxError);
        }
        for (const { start, end } of found) expect(0 <= start && start < end && end <= text.length).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
