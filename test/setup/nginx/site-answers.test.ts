/** When a website counts as answering as before. The asking itself is tried on real sites, in test/nginx. */
import { describe, expect, it } from 'vitest';
import { answersAsBefore, type SiteAnswer } from '../../../src/setup/nginx/site-answers.ts';

const site = { name: 'a.example', address: '127.0.0.1', port: 443 };
const fine: SiteAnswer = { fingerprint: 'A', status: 200, fits: true };
const others: SiteAnswer = { fingerprint: 'B', status: 200, fits: false };
const nothing: SiteAnswer = { fingerprint: undefined, status: undefined };

describe('answersAsBefore', () => {
  it.each([
    ['the same', site, fine, fine, true],
    ['another status', site, fine, { ...fine, status: 400 }, false],
    ['another certificate', site, fine, others, false],
    ['no answer', site, fine, nothing, false],
    ['a certificate without an answer behind it', site, fine, { ...fine, status: undefined }, false],
    ['none before', site, nothing, fine, true],
    ['a server that failed before', site, { ...fine, status: 502 }, fine, true],
    ['another site in its place before', site, others, fine, true],
    ['another site in its place before, and none now', site, others, nothing, false],
    ['a new site', { ...site, isNew: true as const }, { ...others, fits: true }, { ...fine, status: 301 }, true],
    ['a new site that does not answer', { ...site, isNew: true as const }, fine, nothing, false],
    ['the default site', { address: '127.0.0.1', port: 443 }, others, fine, false],
  ])('%s', (_, check, before, after, expected) => {
    expect(answersAsBefore(check, before, after)).toBe(expected);
  });
});
