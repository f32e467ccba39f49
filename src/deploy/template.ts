/** Fills the named holes of a template: `{{name}}`. */

/** Thrown for a template and holes that do not fit together: a mistake of this program, not of its user. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/**
 * The template's text with every `{{name}}` replaced. Each hole must be given, and each that is given must be there.
 * @throws TemplateError
 */
export function fillTemplate(text: string, holes: Readonly<Record<string, string>>): string {
  const used = new Set<string>();
  const filled = text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = holes[name];
    if (value === undefined) throw new TemplateError(`the hole {{${name}}} is not filled`);
    used.add(name);
    return value;
  });
  const unused = Object.keys(holes).filter((name) => !used.has(name));
  if (unused.length > 0) throw new TemplateError(`there is no hole {{${unused[0]}}}`);
  return filled;
}
