/** 与 nginx 共用端口时的说明。 */
import { isIP } from 'node:net';
import type { ByHand, NginxObstacleCode } from '../../../deploy/nginx/obstacle.ts';
import type { SiteAnswer } from '../../../setup/nginx/site-answers.ts';
import type { Messages } from '../en.ts';
import type { NoteMessages, ProblemMessages } from '../wording.ts';

const elsewhere = '或让中继使用自己的端口：--deploy systemd --derp-port 8443';
const above = `上面列出了可以手工写入的内容：写好后再运行，程序会找到这条路；${elsewhere}`;

/** 用户自己的 stream server 所需的几行。 */
const ownStream = ({ host, relayPort }: ByHand) =>
  `请在它按 $ssl_preread_server_name 的 map 中写上“${isIP(host) === 0 ? host : '""'} 127.0.0.1:${relayPort};”，在 server 中写上` +
  '“proxy_protocol on; proxy_bind 127.0.0.2;”（其后的网站要在 listen 中加 proxy_protocol，并设 set_real_ip_from 127.0.0.2），' +
  `重新加载 nginx 后再运行：程序会找到这条路，不改动 nginx；${elsewhere}`;

const oddities = {
  name: '写的是主机名而不是地址，nginx 启动时才解析',
  range: '一次写了多个端口',
  'proxy-protocol': '前面还有别的代理（proxy_protocol）',
};
const unfit = {
  lua: '含有 Lua 代码，本程序不解析',
  'not-utf8': '不是 UTF-8 编码，无法保证其余内容原样不变',
  'hard-link': '还有另一个名字（硬链接），那里会留着旧内容',
  'not-writable': '无法写入：被设为不可更改，或位于只读文件系统',
};

export const nginxProblems: Pick<ProblemMessages, NginxObstacleCode> = {
  'nginx-missing': () => ({
    rule: '需要 nginx，而本机没有这个命令',
    remedy: `请安装 nginx，或在 nginx 所在之处运行（容器里的 nginx 无法从外面修改）；${elsewhere}`,
  }),
  'nginx-stopped': () => ({ rule: '需要 nginx 正在运行', remedy: '请先执行 sudo systemctl start nginx，再重新运行' }),
  'nginx-other': ({ pid }) => ({
    rule: `会修改本机的 nginx，但占用该端口的是另一个 nginx（pid ${pid}），例如容器里的`,
    remedy: `请停止它；${elsewhere}`,
  }),
  'nginx-test-fails': ({ said }) => ({
    rule: `目前无法进行：nginx 拒绝它自己的配置：${said.slice(0, 3).join('；')}`,
    remedy: '请先修好（sudo nginx -t 可查看），再重新运行',
  }),
  'nginx-too-old': ({ version, first }) => ({
    rule: `需要 nginx ${first} 或更高版本，本机是 ${version}`,
    remedy: `请升级 nginx，${elsewhere}`,
  }),
  'nginx-no-stream': ({ state, package: command, module }) => ({
    rule: '需要 nginx 带 ssl_preread 的 stream 模块',
    remedy:
      state === 'not-loaded'
        ? `已安装但没有加载：请在 nginx.conf 开头写上“load_module ${module};”，再重新运行`
        : command === undefined
          ? `请安装提供它的软件包，或用 --with-stream --with-stream_ssl_preread_module 编译 nginx；${elsewhere}`
          : `请执行 sudo ${command}，再重新运行`,
  }),
  'nginx-no-real-ip': () => ({
    rule: '需要 nginx 的 realip 模块：没有它，网站就看不到访客的地址',
    remedy: `请使用带 --with-http_realip_module 的 nginx，${elsewhere}`,
  }),
  'nginx-unread': ({ problem }) => ({
    rule: `无法进行：nginx 的配置中有看不懂的部分（${problem}）`,
    remedy: elsewhere.replace(/^或/, '请'),
  }),
  'nginx-port-unused': ({ port }) => ({
    rule: `用于与网站共用端口，而这个 nginx 在端口 ${port} 上没有网站`,
    remedy: `中继可以直接使用该端口：--deploy systemd --derp-port ${port}`,
  }),
  'nginx-family': ({ host, port, family }) => ({
    rule: `需要有网站使用 IPv${family}：否则 ${host} 的客户端在端口 ${port} 上得不到回应`,
    remedy: `请在一个网站里加上“listen ${family === 6 ? `[::]:${port}` : port} ssl;”；${elsewhere}`,
  }),
  'nginx-own-stream': ({ file, line, ...rest }) => ({
    rule: `发现端口 ${rest.port} 上已有您自己的 stream server（${file}:${line}），不会改动它`,
    remedy: ownStream(rest),
  }),
  'nginx-other-relay-port': ({ relayPort, named }) => ({
    rule: `发现 nginx 已通向中继的端口 ${relayPort}，而不是 ${named}`,
    remedy: '请去掉 --relay-port，或修改 nginx 里的端口',
  }),
  'nginx-odd-listen': ({ file, line, text, why }) => ({
    rule: `无法移动“${text}”（${file}:${line}）：它${oddities[why]}`,
    remedy: above,
  }),
  'nginx-name-taken': ({ file, line, host }) => ({
    rule: `会占去同名网站的 ${host}（${file}:${line}）`,
    remedy: `请给中继一个单独的名称，例如 derp.${host.replace(/^www\./, '')}；${elsewhere}`,
  }),
  'nginx-real-ip': ({ file, line, text }) => ({
    rule: `会破坏网站识别访客地址的方式：“${text}”（${file}:${line}）`,
    remedy: above,
  }),
  'nginx-generated': ({ file, panel }) => ({
    rule: `需要修改 ${file}，但它由程序生成（“${panel}”），之后会被覆盖`,
    remedy: `请在该程序自己的设置里修改：${above}`,
  }),
  'nginx-file': ({ file, why }) => ({
    rule: `需要修改 ${file}，但它${unfit[why]}`,
    remedy: above,
  }),
};

export const nginxNotes: Pick<
  NoteMessages,
  'nginx-nameless' | 'nginx-by-hand' | 'nginx-few-connections' | 'nginx-server-port'
> = {
  'nginx-nameless': ({ host }) =>
    `打开 https://${host} 或不指明网站的访客，今后得到的是中继，而不是 nginx 的默认网站：用裸地址的客户端不发送名称`,
  'nginx-by-hand': ({ relayPort }) => `您自己的 nginx stream server 已把该主机转到 127.0.0.1:${relayPort}：不作改动`,
  'nginx-few-connections': ({ connections }) =>
    `nginx 每个工作进程只允许 ${connections} 个连接（worker_connections）；共用端口后，每位访客占三个，中继的每个客户端占两个：繁忙的机器请调大`,
  'nginx-server-port': ({ sitesPort, places }) =>
    `移动后的网站里 $server_port 是 ${sitesPort}，用到它的地方：${places.join('、')}；若应用用它拼链接，请改用 $proxy_protocol_server_port`,
};

const answer = ({ fingerprint, status }: SiteAnswer) => {
  if (fingerprint === undefined) return '没有回应';
  return status === undefined ? `证书 ${fingerprint.slice(0, 11)}…` : `${status}，${fingerprint.slice(0, 11)}…`;
};

export const nginx: Messages['nginx'] = {
  byHand: '也可以手工写入以下内容（之后执行 sudo nginx -t && sudo nginx -s reload，再重新运行）：',
  edit: (what) => `修改 ${what}`,
  restore: (what) => `从 ${what} 中去掉本程序写入的行`,
  touched: '之后被他人改过；他人的改动会保留',
  testFailed: (said) => `nginx 拒绝写入的配置：${said.join('；')}`,
  reloadFailed: (said) =>
    said.length > 0 ? `nginx 仍在使用旧配置：${said.join('；')}` : '已通知 nginx 重新加载，但新的工作进程没有及时接手',
  reloadRemedy: {
    denied:
      'SELinux 不允许 nginx 使用该端口：sudo semanage port -a -t http_port_t -p tcp PORT，或用 --sites-port 换一个',
    busy: '该端口被别的程序占用：请用 --sites-port 换一个',
    other: '更多信息见日志：sudo journalctl -u nginx，/var/log/nginx/error.log',
  },
  sitesChanged: (count) => `有 ${count} 个网站的回应与之前不同`,
  sitesRemedy: '如果 nginx 的文件在上次加载后改过：请先执行 sudo nginx -s reload，检查网站，再重新运行',
  siteChanged: (name, address, before, after) =>
    `${name ?? '不带名称'}（${address}）：之前 ${answer(before)}；现在 ${answer(after)}`,
};
