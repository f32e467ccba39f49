import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's young generation at its first size for the whole process; to be called before anything else is done.
 * Packets live in buffers outside V8's heap, so a larger young generation would buy the relay next to nothing, and V8
 * grows it to tens of megabytes as soon as some thousand clients log in: about 10 KB for each idle client.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
