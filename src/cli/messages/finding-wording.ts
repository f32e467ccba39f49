/** The shape of the sentences for what the doctor finds. */
import type { FindingData, FindingId } from '../../setup/doctor/findings.ts';

/** What is so, and the command or deed that mends it where something must be mended. */
export interface FindingWording {
  text: string;
  remedy?: string;
}

/**
 * A sentence for each finding. `explained` is what another catalogue says of the problem or the check that the finding
 * holds; findings of neither kind get an empty one.
 */
export type FindingMessages = {
  [Id in FindingId]: (data: FindingData[Id], explained: FindingWording) => FindingWording;
};
