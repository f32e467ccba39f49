/** 诊断对与中继共用端口的 nginx 的说明。 */
import { SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';

export const nginx = {
  'nginx-runs': ({ version, port }) => ({ text: `nginx ${version} 占用端口 ${port}，并把客户端转给中继` }),
  'nginx-missing': ({ port }) => ({
    text: `中继与 nginx 共用端口 ${port}，但本机已经没有 nginx`,
    remedy: `重新安装 nginx，或让中继直接使用该端口：${SETUP_AGAIN} --deploy systemd`,
  }),
  'nginx-stopped': () => ({
    text: 'nginx 没有运行，而客户端要经过它才能到达中继',
    remedy: 'sudo systemctl start nginx；若启动不了：sudo nginx -t，sudo journalctl -u nginx -n 50',
  }),
  'nginx-broken': ({ said }) => ({
    text: `nginx 拒绝现在的配置，重启后将无法运行：${said.slice(0, 3).join('；')}`,
    remedy: '请修好它指出的问题，然后：sudo nginx -t && sudo nginx -s reload',
  }),
  'nginx-route-gone': ({ port, relayPort }) => ({
    text: `nginx 的端口 ${port} 上已没有通向中继（127.0.0.1:${relayPort}）的配置`,
    remedy: `重新写入：${SETUP_AGAIN}`,
  }),
  'nginx-site-on-port': ({ port, file, line }) => ({
    text: `有网站自己监听端口 ${port}（${file}:${line}），与中继的 stream server 冲突：nginx 因此无法重新加载或启动`,
    remedy: `像其他网站一样移到 stream server 之后：${SETUP_AGAIN}`,
  }),
} satisfies Partial<FindingMessages>;
