/** How to run, beside what to set up. */

/** Switches of `setup` that change what a plan holds. */
export interface SetupSwitches {
  /** Add what is missing to this machine's own firewall. */
  openFirewall: boolean;
  /** Take the place of the derper that was found. */
  takeOver: boolean;
  /** Replace files that were changed by hand. */
  overwrite: boolean;
  /** Write files, start nothing. */
  noStart: boolean;
}
