/** Line charts below each other, over the same time, as one SVG file. Pure. */
import type { Point } from './trend.ts';

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Panel {
  readonly title: string;
  /** At most three. */
  readonly series: readonly Series[];
}

const WIDTH = 900;
const PANEL = 150;
const LEFT = 64;
const RIGHT = 16;
const TOP = 44;
const GAP = 46;
// Told apart by those who do not see all colours, and by their lightness in print.
const COLOURS = ['#0b5fa5', '#d1691b', '#6b7280'];
const FONT = 'font-family="system-ui, sans-serif"';

const escapeXml = (text: string) => text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
const short = (value: number) => String(Number(value.toPrecision(3)));

/** The next of 1, 2, 2.5, 5, 10, 20 … that is no less. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-6)));
  return power * [1, 2, 2.5, 5, 10].find((step) => step * power >= value)!;
}

function drawPanel({ title, series }: Panel, y: number, seconds: number): string {
  const top = niceTop(Math.max(1e-6, ...series.flatMap(({ points }) => points.map(({ value }) => value))));
  const plot = WIDTH - LEFT - RIGHT;
  const toX = (at: number) => (LEFT + (at / Math.max(1, seconds)) * plot).toFixed(1);
  const toY = (value: number) => (y + PANEL - (value / top) * PANEL).toFixed(1);
  const grid = [0, 0.5, 1].map((share) => {
    const at = toY(top * share);
    return (
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#d9dde3"/>` +
      `<text x="${LEFT - 8}" y="${at}" dy="4" text-anchor="end" font-size="11" fill="#4b5563">${short(top * share)}</text>`
    );
  });
  const lines = series.map(({ points }, i) => {
    const path = points.map(({ at, value }) => `${toX(at)},${toY(value)}`).join(' ');
    return `<polyline fill="none" stroke="${COLOURS[i]}" stroke-width="1.3" points="${path}"/>`;
  });
  const legend = series.map(({ name }, i) => {
    const x = WIDTH - RIGHT - (series.length - i) * 130;
    return (
      `<line x1="${x}" x2="${x + 18}" y1="${y - 12}" y2="${y - 12}" stroke="${COLOURS[i]}" stroke-width="3"/>` +
      `<text x="${x + 24}" y="${y - 8}" font-size="11" fill="#374151">${escapeXml(name)}</text>`
    );
  });
  const heading = `<text x="${LEFT}" y="${y - 8}" font-size="13" fill="#111827">${escapeXml(title)}</text>`;
  return [heading, ...grid, ...legend, ...lines].join('\n');
}

/** Draws the panels. @param seconds the length of the time axis */
export function drawChart(title: string, panels: readonly Panel[], seconds: number): string {
  const height = TOP + panels.length * (PANEL + GAP) + 24;
  const unit = seconds >= 300 ? { name: 'minutes', length: 60 } : { name: 'seconds', length: 1 };
  const end = seconds / unit.length;
  const step = niceTop(Math.max(end, 1) / 8);
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => {
    const x = LEFT + ((i * step) / Math.max(end, 1e-6)) * (WIDTH - LEFT - RIGHT);
    return `<text x="${x.toFixed(1)}" y="${height - 28}" text-anchor="middle" font-size="11" fill="#4b5563">${short(i * step)}</text>`;
  });
  const drawn = panels.map((panel, i) => drawPanel(panel, TOP + GAP / 2 + i * (PANEL + GAP), seconds));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ${FONT} role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="28" font-size="16" font-weight="600" fill="#111827">${escapeXml(title)}</text>`,
    ...drawn,
    ...ticks,
    `<text x="${WIDTH - RIGHT}" y="${height - 8}" text-anchor="end" font-size="11" fill="#4b5563">${unit.name}</text>`,
    '</svg>',
    '',
  ].join('\n');
}
