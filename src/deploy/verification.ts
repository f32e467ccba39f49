/** Who may use the relay: members of this machine's tailnet, whoever an admission URL or a list names, or anyone. */
export type Verification =
  /** `socket`: where it listens, if not in the usual place. */
  | { kind: 'tailscaled'; socket?: string }
  | { kind: 'url'; url: string }
  | { kind: 'keys'; file: string }
  | { kind: 'none' };

/** A verification as the flag `--verify` spells it. */
export function formatVerification(verification: Verification): string {
  if (verification.kind === 'url') return `url:${verification.url}`;
  if (verification.kind === 'tailscaled' && verification.socket !== undefined)
    return `tailscaled:${verification.socket}`;
  return verification.kind === 'keys' ? `keys:${verification.file}` : verification.kind;
}
