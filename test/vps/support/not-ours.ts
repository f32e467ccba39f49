/**
 * Places that differ after a run without being derp-setup's doing: what npx leaves in the home of whoever runs it; the
 * copies that the system makes of its lists of users; a directory that is empty on a fresh machine, and that systemd
 * removes with the last link in it.
 */
export const NOT_OURS = [
  '/root/.npm',
  '/etc/systemd/system/timers.target.wants',
  ...['passwd', 'group', 'shadow', 'gshadow'].map((name) => `/etc/${name}-`),
];
