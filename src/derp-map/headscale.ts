/** The derpMap as Headscale reads it from the files of `derp.paths`: YAML, the same fields in lower case. */
import type { DerpMap } from './region.ts';

/** A scalar. JSON's quoting is also YAML's, and it leaves nothing for YAML to guess a type from. */
function scalar(value: string | number | boolean): string {
  return JSON.stringify(value);
}

function fields(entry: object, indent: string): string {
  return Object.entries(entry)
    .filter(([, value]) => !Array.isArray(value))
    .map(([name, value]) => `${indent}${name.toLowerCase()}: ${scalar(value)}\n`)
    .join('');
}

/** The text of a Headscale DERP file. */
export function headscaleYaml(map: DerpMap): string {
  let text = 'regions:\n';
  for (const [id, region] of Object.entries(map.Regions)) {
    text += `  ${id}:\n${fields(region, '    ')}    nodes:\n`;
    for (const node of region.Nodes) {
      const lines = fields(node, '        ');
      text += `      - ${lines.trimStart()}`;
    }
  }
  return text;
}
