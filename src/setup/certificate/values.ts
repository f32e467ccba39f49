/** From text to what an authority is told; see values.ts. */
import { accept, type Parsed, refuse } from '../answers/problems.ts';

/** The e-mail address of an account. Authorities take plain ones only (RFC 8555, 7.3). */
export function parseEmail(text: string): Parsed<string> {
  const address = text.trim().replace(/^mailto:/i, '');
  return /^[^\s@,?]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(address) && address.length <= 254
    ? accept(address)
    : refuse({ code: 'not-an-email' });
}

/** The URL of an authority's directory: https, as accounts and orders must be. */
export function parseAcmeDirectory(text: string): Parsed<string> {
  const plain = text.trim();
  const url = URL.canParse(plain) ? new URL(plain) : undefined;
  const fine = url?.protocol === 'https:' && url.username === '' && url.hash === '';
  return fine ? accept(url.href) : refuse({ code: 'not-a-directory-url' });
}

/** The key id of an external account, as the authority gives it. */
export function parseKeyId(text: string): Parsed<string> {
  const plain = text.trim();
  return /^[\x21-\x7e]{1,512}$/.test(plain) ? accept(plain) : refuse({ code: 'not-a-key-id' });
}
