/** When a certificate is to be renewed. */

/** From when to when it is good. */
export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

/** A period in which the authority would like to be asked for the next one (RFC 9773, 4.2). */
export interface RenewalWindow {
  start: Date;
  end: Date;
  /** A page that says why, if it is not the usual time. */
  explanation?: string;
}

/** When, and by whose word. */
export interface Renewal {
  at: Date;
  by: 'lifetime' | 'authority';
}

/** The share of the lifetime that is left when renewal begins. */
const SHARE_LEFT = 1 / 3;

/** A number from 0 to 1 that is the same for the same certificate: its fingerprint's first four bytes. */
function fractionOf(fingerprint: string): number {
  return Number.parseInt(fingerprint.replaceAll(':', '').slice(0, 8), 16) / 0xffffffff;
}

/**
 * When a certificate is due: with a third of its lifetime left, or earlier if the authority says so. Within the
 * authority's window each certificate has a moment of its own, so that not all come at once.
 */
export function renewalOf({ notBefore, notAfter }: Validity, fingerprint: string, window?: RenewalWindow): Renewal {
  const lifetime = notAfter.getTime() - notBefore.getTime();
  const byLifetime = notAfter.getTime() - lifetime * SHARE_LEFT;
  if (window === undefined) return { at: new Date(byLifetime), by: 'lifetime' };
  const [start, end] = [window.start.getTime(), window.end.getTime()];
  const byAuthority = start + (end - start) * fractionOf(fingerprint);
  if (byAuthority < byLifetime) return { at: new Date(byAuthority), by: 'authority' };
  return { at: new Date(byLifetime), by: 'lifetime' };
}

/** Reads a renewal information's text; undefined when it is none. */
export function parseRenewalInfo(text: string): RenewalWindow | undefined {
  try {
    const json = JSON.parse(text) as { suggestedWindow?: { start?: unknown; end?: unknown }; explanationURL?: unknown };
    const [start, end] = [json.suggestedWindow?.start, json.suggestedWindow?.end].map((at) => new Date(String(at)));
    if (!start || !end || Number.isNaN(start.getTime()) || Number.isNaN(end.getTime()) || end <= start)
      return undefined;
    const { explanationURL: url } = json;
    return { start, end, ...(typeof url === 'string' && URL.canParse(url) && { explanation: url }) };
  } catch {
    return undefined;
  }
}
