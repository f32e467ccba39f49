/** Renewing where there is no systemd whose timer could do it. */
import { cronFiles } from '../system/cron-files.ts';

/** The line of root's crontab that does what the timer does where there is one. */
export const RENEWAL_BY_CRON = '17 3,15 * * * /usr/local/bin/derp-setup renew --quiet';

/** Whether a table of cron, as far as this user may read them, has the certificate renewed. */
export async function isRenewedByCron(): Promise<boolean> {
  const tables = await cronFiles();
  return tables.some(({ text }) => /^[^#]*\bderp-setup\s+renew\b/m.test(text));
}
