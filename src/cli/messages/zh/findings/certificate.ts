/** What the doctor says of the certificate and its renewal. */
import { formatDay, formatTime } from '../../../lines/figures.ts';
import { SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';

const exit = (status: number | undefined) => (status === undefined ? '' : `，退出码 ${status}`);

const again = (next: Date | undefined) => (next === undefined ? '' : `；最早将于 ${formatTime(next)} 自动重试`);

export const certificate = {
  'certificate-fine': ({ host, notAfter, daysLeft }) => ({
    text: `证书适用于 ${host}，与私钥匹配，有效期至 ${formatDay(notAfter)}（剩余 ${daysLeft} 天）`,
  }),
  'certificate-wrong-host': ({ host, names }) => ({
    text: `证书${names ? `中的名称是 ${names}` : '中没有任何名称'}，不适用于 ${host}，客户端会拒绝连接`,
    remedy: `请换用 ${host} 的证书（sudo derp-setup --cert-file FILE --key-file FILE），或改用证书中的名称（--host NAME）`,
  }),
  'certificate-ended': ({ at }) => ({ text: `证书已于 ${at} 过期，客户端会拒绝连接`, remedy: 'sudo derp-setup renew' }),
  'certificate-early': ({ at }) => ({
    text: `按本机的时钟，证书从 ${at} 起才有效`,
    remedy: '请校准时钟：sudo timedatectl set-ntp true',
  }),
  'certificate-key-mismatch': ({ certFile, keyFile }) => ({
    text: `私钥 ${keyFile} 与证书 ${certFile} 不匹配，中继无法用它们启动`,
    remedy: '请使用同一对证书和私钥：sudo derp-setup --cert-file FILE --key-file FILE',
  }),
  'certificate-problem': ({ problem }, { text, remedy }) => ({
    text: `${problem.subject} ${text}`,
    remedy: remedy ?? 'sudo derp-setup renew',
  }),
  'certificate-ends-soon': ({ notAfter, daysLeft, selfSigned }) =>
    selfSigned
      ? {
          text: `证书将于 ${formatDay(notAfter)} 过期（剩余 ${daysLeft} 天）；新证书的指纹不同，所有 derpMap 都要更新`,
          remedy: '请查看下一步，并在方便时更换：sudo derp-setup renew；然后粘贴新的 derpMap：derp-setup derp-map',
        }
      : {
          text: `证书将于 ${formatDay(notAfter)} 过期（剩余 ${daysLeft} 天），本应已经续期`,
          remedy: 'sudo derp-setup renew；失败原因：sudo journalctl -u derp-setup-renew -n 50',
        },
  'certificate-not-loaded': ({ servedUntil, fileUntil }) => ({
    text: `中继正在使用的证书（${formatDay(servedUntil)} 到期）与文件中的证书（${formatDay(fileUntil)} 到期）不是同一张`,
    remedy: 'sudo systemctl reload derp-relay',
  }),
  'chain-incomplete': ({ file, issuer }) => ({
    text: `${file} 缺少签发者（${issuer}）的证书，多数客户端会拒绝连接`,
    remedy: '请使用完整的证书链（fullchain.pem）：sudo derp-setup --cert-file FULLCHAIN --key-file KEY',
  }),
  'private-authority': ({ issuer }) => ({
    text: `证书不是由公共证书机构签发的（签发者：${issuer}）`,
    remedy: '如果所有客户端都信任该签发者则正常；否则可改用客户端凭指纹信任的证书：sudo derp-setup --cert self-signed',
  }),
  'renewal-planned': ({ next }) => ({
    text: `续期定时器正在运行${next ? `，下次在 ${formatTime(next)}` : ''}，上次运行正常`,
  }),
  'timer-missing': ({ unit }) => ({
    text: `systemd 中没有 ${unit}，证书不会续期`,
    remedy: `重新安装：${SETUP_AGAIN}`,
  }),
  'timer-stopped': ({ unit }) => ({
    text: `${unit} 没有运行，证书不会续期`,
    remedy: `sudo systemctl enable --now ${unit}`,
  }),
  'timer-not-enabled': ({ unit }) => ({ text: `${unit} 不会开机启动`, remedy: `sudo systemctl enable ${unit}` }),
  'renewal-by-cron-planned': () => ({ text: '已由 cron 定时续期证书' }),
  'renewal-by-nobody': ({ line }) => ({
    text: '没有 systemd，证书不会自动续期',
    remedy: `请在 root 的 crontab 中加上（sudo crontab -e）：${line}`,
  }),
  'renewal-failed': ({ unit, exitStatus, next }) => ({
    text: `${unit} 上次运行失败${exit(exitStatus)}${again(next)}`,
    remedy: '请按最后几行日志处理，然后运行：sudo derp-setup renew',
  }),
  'order-failed': ({ problem, at, next }, { text, remedy }) => ({
    text: `${at ? `${formatTime(at)} ` : ''}申请新证书失败：${problem.subject} ${text}${again(next)}`,
    remedy: `${remedy === undefined ? '' : `${remedy}；然后运行：`}sudo derp-setup renew --force`,
  }),
} satisfies Partial<FindingMessages>;
