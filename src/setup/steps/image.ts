import type { ImageStep } from '../../deploy/steps.ts';
import { imageId, pullImage } from '../../system/containers.ts';
import { CommandError } from '../../system/processes.ts';
import type { StepHandler } from './handler.ts';

/** An image could not be pulled. Its message is Docker's own. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly image: string;

  constructor(image: string, detail: string) {
    super(detail);
    this.image = image;
  }
}

/** Pulls images. One that was pulled stays when the run is undone, for the next try: it harms nobody, and was work to get. */
export const imageHandler: StepHandler<ImageStep> = {
  async inspect({ image }) {
    const known = await imageId(image).catch((error: unknown) => {
      // An engine that does not answer says so when it is to pull.
      if (error instanceof CommandError && error.reason !== 'aborted') return undefined;
      throw error;
    });
    return known === undefined ? { change: 'run' } : undefined;
  },

  async apply({ image }, { signal, remember }) {
    try {
      await pullImage(image, signal);
    } catch (error) {
      if (error instanceof CommandError && error.reason !== 'aborted') throw new ImageError(image, error.message);
      throw error;
    }
    remember({ what: image, keeps: true, now: async () => {} });
  },
};
