/** The texts of the flags that were given; true for a switch, or for a flag whose value is missing. */
export type Flags = Partial<Record<string, string | boolean>>;
