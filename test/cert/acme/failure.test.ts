import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AcmeStage,
  errorOfProblem,
  parseProblem,
  parseRetryAfter,
  shortLine,
} from '../../../src/cert/acme/failure.ts';

const now = new Date('2026-11-21T12:00:00Z');
const reason = (type: string, stage: AcmeStage = 'order', more = {}) =>
  errorOfProblem({ type: `urn:ietf:params:acme:error:${type}`, detail: 'x' }, { status: 403, stage, ...more }).reason;

describe('a problem document', () => {
  it.each([
    ['rateLimited', 'rate-limited'],
    ['rejectedIdentifier', 'identifier-refused'],
    ['unsupportedIdentifier', 'identifier-refused'],
    ['accountDoesNotExist', 'account-unknown'],
    ['externalAccountRequired', 'external-account-required'],
    ['invalidContact', 'contact-refused'],
    ['badNonce', 'bad-nonce'],
    ['serverInternal', 'server-error'],
    ['invalidProfile', 'profile-refused'],
    ['alreadyReplaced', 'already-replaced'],
    ['somethingNew', 'other'],
  ])('%s', (type, expected) => {
    expect(reason(type)).toBe(expected);
  });

  it.each([
    ['caa', 'caa'],
    ['connection', 'connection'],
    ['dns', 'dns'],
    ['tls', 'tls'],
    ['incorrectResponse', 'wrong-answer'],
    ['unauthorized', 'wrong-answer'],
  ])('%s of a validation', (type, expected) => {
    expect(reason(type, 'validation')).toBe(expected);
  });

  it('means another thing for an account', () => {
    expect(reason('unauthorized', 'account')).toBe('account-refused');
    expect(reason('unauthorized', 'account', { withExternalAccount: true })).toBe('external-account-refused');
  });

  it('without a type is told by the status', () => {
    expect(errorOfProblem({}, { status: 429, stage: 'order' }).reason).toBe('rate-limited');
    expect(errorOfProblem({}, { status: 502, stage: 'order' })).toMatchObject({
      reason: 'server-error',
      message: 'HTTP 502',
    });
  });

  it('of several problems tells the first', () => {
    const subproblems = [{ type: 'urn:ietf:params:acme:error:caa', detail: 'forbidden for a.example' }];
    const error = errorOfProblem(
      { type: 'urn:ietf:params:acme:error:malformed', detail: 'several', subproblems },
      { status: 403, stage: 'order' },
    );
    expect(error).toMatchObject({ reason: 'caa', message: 'several: forbidden for a.example' });
  });

  it('is read from any text, and steers no terminal', () => {
    expect(parseProblem('<html>')).toEqual({});
    expect(parseProblem('null')).toEqual({});
    fc.assert(fc.property(fc.string(), (text) => !/\p{C}/u.test(shortLine(text)) && shortLine(text).length <= 400));
  });
});

describe('Retry-After', () => {
  it.each([
    ['120', '2026-11-21T12:02:00.000Z'],
    ['Sat, 21 Nov 2026 13:00:00 GMT', '2026-11-21T13:00:00.000Z'],
    // Nobody waits for longer than thirty days.
    ['999999999', '2026-12-21T12:00:00.000Z'],
  ])('%s', (header, at) => {
    expect(parseRetryAfter(header, now)?.toISOString()).toBe(at);
  });

  it.each([undefined, '', 'soon', '-5x'])('%j says nothing', (header) => {
    expect(parseRetryAfter(header, now)).toBeUndefined();
  });
});
