/** Files that a program writes: what is edited in them is lost when it writes them again. */

/** Panels, by where they keep what they write. */
const PANEL_PLACES: readonly (readonly [RegExp, string])[] = [
  [/^\/www\/server\//, 'aaPanel (宝塔)'],
  [/^\/opt\/1panel\//, '1Panel'],
  [/\/plesk|^\/var\/www\/vhosts\/system\//, 'Plesk'],
  [/\/conf\.d\/users\/|cpanel/i, 'cPanel'],
  [/^\/usr\/local\/(?:hestia|vesta)\/|\/(?:hestia|vesta)\//, 'Hestia'],
  [/ispconfig/i, 'ISPConfig'],
  [/cloudpanel/i, 'CloudPanel'],
];

/** What such programs write above their work. Certbot's remark at single lines is none of that kind. */
const REMARKS = [
  /\b(?:this|the) (?:file|config\w*)\b.*\b(?:generated|managed|maintained|written|created)\b/i,
  /\bdo not (?:edit|modify|change)\b/i,
  /\b(?:ansible|puppet|chef|salt)\W+managed\b/i,
  /\bmanaged by (?!certbot)/i,
  /\bauto(?:matically|-)? ?generated\b/i,
  /自动生成|请勿(?:修改|编辑|改动)/,
];

/** The program or remark by which a file is known to be written by a program; undefined for one that people write. */
export function generatedBy(path: string, text: string): string | undefined {
  const panel = PANEL_PLACES.find(([place]) => place.test(path))?.[1];
  if (panel !== undefined) return panel;
  const comments = text.split('\n').flatMap((line) => /^\s*#\s*(.*\S)\s*$/.exec(line)?.[1] ?? []);
  return comments.find((comment) => REMARKS.some((remark) => remark.test(comment)))?.slice(0, 100);
}
