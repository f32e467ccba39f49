/** Which of two versions of this program is the newer one, by the rules of semver.org, item 11. */

/** A version's three numbers, and the parts of its pre-release; what is behind a plus sign does not count. */
function partsOf(version: string): { numbers: number[]; pre: string[] } {
  const [, core = '', pre = ''] = /^([^-+]*)(?:-([^+]*))?/.exec(version) ?? [];
  return { numbers: core.split('.').map((part) => Number(part) || 0), pre: pre === '' ? [] : pre.split('.') };
}

/** Numbers count as numbers, and less than words. */
function comparePart(a: string, b: string): number {
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumberA && isNumberB) return Number(a) - Number(b);
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  return a < b ? -1 : Number(a > b);
}

/** Negative when `a` is older than `b`, positive when it is newer; a pre-release is older than its release. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let i = 0; i < 3; i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (left.pre.length === 0 || right.pre.length === 0) return right.pre.length - left.pre.length;
  for (const [i, part] of left.pre.entries()) {
    const other = right.pre[i];
    const difference = other === undefined ? 1 : comparePart(part, other);
    if (difference !== 0) return difference;
  }
  return left.pre.length - right.pre.length;
}
