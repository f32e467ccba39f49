/** How every command ends. Promised to scripts. */
export const EXIT = {
  done: 0,
  /** The machine is as before. */
  failed: 1,
  badInput: 2,
  /** Applied, but the relay could not be proved to work. */
  unverified: 3,
  /** Failed, and something is left of the attempt. */
  notUndone: 4,
  interrupted: 130,
} as const;
