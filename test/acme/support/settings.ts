/** What scripts/test-real.mjs has prepared for this suite. */

function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this suite by  npm run test:real acme`);
  return value;
}

/** The folder with Pebble and its name server. */
export const toolsFolder = () => needed('DERP_ACME_TOOLS');
/** Where logs and configurations of this run go. */
export const workFolder = () => needed('DERP_ACME_WORK');
