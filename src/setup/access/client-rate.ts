/** How fast one client may send, as the flag spells it: bytes a second, with K, M or G, and what may come at once. Pure. */
import type { ClientRate } from '../../relay/limits/client-rate.ts';
import { accept, type Parsed, refuse } from '../answers/problems.ts';

/** A rate, or that there is to be none any more. */
export type ClientRateChoice = ClientRate | 'none';

/** Of thousands, as rates are in networks. */
const UNITS: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** What a client may send at once where nobody says: this long at its rate, seconds. */
const BURST_SECONDS = 1;

function parseBytes(text: string): number | undefined {
  // A small b would be bits to many, so it is no unit here.
  const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([kKmMgG]?)B?(?:\/s)?$/.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  const bytes = Math.round(Number(digits) * UNITS[unit!.toLowerCase()]!);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/**
 * Reads `10M`, `500k`, `1250000`, or with the burst behind a colon `10M:20M`. Without one, a client may send what it may
 * send in a second at once. `none` takes a limit away that was there before.
 */
export function parseClientRateChoice(text: string): Parsed<ClientRateChoice> {
  const plain = text.trim();
  if (plain.toLowerCase() === 'none') return accept('none');
  const [rate = '', burst, ...more] = plain.split(':');
  const bytesPerSecond = parseBytes(rate);
  if (bytesPerSecond === undefined || more.length > 0) return refuse({ code: 'not-a-rate' });
  const burstBytes = burst === undefined ? bytesPerSecond * BURST_SECONDS : parseBytes(burst);
  return burstBytes === undefined ? refuse({ code: 'not-a-rate' }) : accept({ bytesPerSecond, burstBytes });
}

function formatBytes(bytes: number): string {
  const fits = Object.entries(UNITS).filter(([, unit]) => bytes % unit === 0);
  const [name, unit] = fits.at(-1)!;
  return `${bytes / unit}${name.toUpperCase().replace('K', 'k')}`;
}

/** A rate as its flag spells it. */
export function formatClientRateChoice(choice: ClientRateChoice): string {
  if (choice === 'none') return choice;
  const { bytesPerSecond, burstBytes } = choice;
  const rate = formatBytes(bytesPerSecond);
  return burstBytes === bytesPerSecond * BURST_SECONDS ? rate : `${rate}:${formatBytes(burstBytes)}`;
}

/** What the relay is told of it. */
export function chosenRate(choice: ClientRateChoice | undefined): ClientRate | null {
  return choice === undefined || choice === 'none' ? null : choice;
}
