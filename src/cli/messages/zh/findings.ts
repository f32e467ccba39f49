import { formatMs } from '../../../probe/latency.ts';
import { formatBytes, formatDay, formatTime } from '../../figures.ts';
import type { FindingMessages } from '../finding-wording.ts';
import { owner } from './problems.ts';
import { checks } from './report.ts';

const octal = (mode: number) => `0${mode.toString(8)}`;
const exit = (status: number | undefined) => (status === undefined ? '' : `，退出码 ${status}`);

/** Applies config.json anew, and writes what is missing. */
const SETUP_AGAIN = 'sudo derp-setup setup --yes';
const RESTART = 'sudo systemctl restart derp-relay';
const JOURNAL = 'journalctl -u derp-relay -n 50';

export const findings: FindingMessages = {
  'files-fine': () => ({ text: '安装文件完整，内容一致' }),
  'file-missing': ({ path }) => ({ text: `${path} 不存在`, remedy: `重新生成：${SETUP_AGAIN}` }),
  'file-damaged': ({ path }) => ({
    text: `${path} 的内容不是当初写入的内容`,
    remedy: `移走它，再重新生成：${SETUP_AGAIN}`,
  }),
  'file-unusable': ({ problem }, { text, remedy }) => ({
    text: `${problem.subject} ${text}`,
    remedy: remedy ?? `请修正，然后运行：${SETUP_AGAIN}`,
  }),
  'answers-differ': ({ path, fields }) => ({
    text: `${path} 修改后没有生效：${fields.map(({ name, answer, relay }) => `${name} 在文件中是 ${answer}，中继使用的是 ${relay}`).join('；')}`,
    remedy: `使其生效：${SETUP_AGAIN}`,
  }),
  'file-edited': ({ path }) => ({
    text: `${path} 被手工修改过，下次设置或升级会因此停下`,
    remedy:
      '单元的改动请放进 drop-in（sudo systemctl edit derp-relay），然后运行：sudo derp-setup setup --yes --overwrite',
  }),

  'service-runs': ({ since, version }) => ({
    text: `derp-relay ${version} 正在运行${since ? `（自 ${formatTime(since)} 起）` : ''}，响应正常`,
  }),
  'foreground-runs': ({ version }) => ({ text: `derp-relay ${version} 正在前台运行，响应正常` }),
  'foreground-ended': () => ({
    text: '中继没有运行：它之前在前台运行，已经结束',
    remedy: '重新运行：derp-setup --deploy foreground；要长期运行，请安装：sudo derp-setup',
  }),
  'prepared-only': ({ root }) => ({
    text: `${root} 下的文件是为其他机器准备的，本机没有运行`,
    remedy: '请复制到目标机器，在那里运行 derp-setup doctor',
  }),
  'service-missing': ({ unit }) => ({ text: `systemd 中没有 ${unit}`, remedy: `重新安装：${SETUP_AGAIN}` }),
  'service-stopped': ({ unit, active, result, exitStatus }) => ({
    text: `${unit} 没有运行：${active}${result && result !== 'success' ? `（${result}${exit(exitStatus)}）` : ''}`,
    remedy: `sudo systemctl start ${unit}；如果再次停止，请查看：${JOURNAL}`,
  }),
  'service-restarting': ({ unit, restarts, exitStatus }) => ({
    text: `${unit} 一启动就退出${exit(exitStatus)}，systemd 已重试 ${restarts} 次`,
    remedy: `请按最后几行日志处理：${JOURNAL}`,
  }),
  'service-restarted': ({ restarts, since }) => ({
    text: `中继曾自行退出，已自动重启 ${restarts} 次，最近一次在 ${formatTime(since)}`,
    remedy: `查看原因：${JOURNAL}`,
  }),
  'service-not-enabled': ({ unit }) => ({ text: `${unit} 不会开机启动`, remedy: `sudo systemctl enable ${unit}` }),
  'unit-stale': ({ unit }) => ({
    text: `${unit} 的文件已修改，systemd 还没有重新读取`,
    remedy: `sudo systemctl daemon-reload；要让改动生效：${RESTART}`,
  }),
  'relay-silent': ({ port }) => ({
    text: `服务正在运行，但本机端口 ${port} 上没有中继响应`,
    remedy: `查看它在等什么：${JOURNAL}；然后：${RESTART}`,
  }),
  'other-relay-answers': ({ port }) => ({
    text: `端口 ${port} 上的中继与密钥文件中的密钥不一致`,
    remedy: `让它重新读取密钥：${RESTART}；如果无效，说明端口被另一个中继占用：sudo ss -ltnp`,
  }),
  'restart-needed': ({ running, installed }) => ({
    text: `已安装 ${installed}，但运行的仍是 ${running}`,
    remedy: RESTART,
  }),
  'derper-enabled': ({ name, running }) => ({
    text: running ? `本机还在运行 derper（${name}）` : `derper（${name}）会随机器启动，并占用相同的端口`,
    remedy: `永久取代它：sudo derp-setup --take-over；或：sudo systemctl disable --now ${name}`,
  }),

  'runtime-fine': ({ version }) => ({ text: `服务使用 Node ${version}` }),
  'runtime-missing': ({ path }) => ({
    text: `服务所用的 Node 已不存在（${path}），服务将无法再次启动`,
    remedy: '用现有的 Node 重新安装：sudo npx derp-setup setup --yes',
  }),
  'runtime-too-old': ({ path, version }) => ({
    text: `服务所用的 Node（${path}）版本是 ${version}，至少需要 20.19 或 22.12`,
    remedy: '换用更新的版本：sudo npx -y -p node@24 -p derp-setup derp-setup setup --yes',
  }),
  'runtime-broken': ({ path, detail }) => ({
    text: `服务所用的 Node（${path}）无法运行：${detail}`,
    remedy: '换用其他版本安装：sudo npx -y -p node@24 -p derp-setup derp-setup setup --yes',
  }),

  'host-leads-here': ({ host, addresses }) => ({
    text: addresses.includes(host) ? `${host} 指向这台中继` : `${host} 指向这台中继：${addresses.join('、')}`,
  }),
  'host-unresolved': ({ host, failure }) =>
    failure === 'not-found'
      ? {
          text: `DNS 中没有 ${host} 的地址，客户端找不到中继`,
          remedy: `请在 DNS 服务商处为 ${host} 添加 A 记录（使用 IPv6 时再加 AAAA 记录）`,
        }
      : {
          text: `本机的 DNS 服务器没有答复 ${host} 的查询`,
          remedy: '请检查 DNS 设置：resolvectl status 或 /etc/resolv.conf',
        },
  'address-blocked': ({ host, address, port }) => ({
    text: `${host} 的地址 ${address} 属于本机，但该地址的端口 ${port} 无法连接，只能从本机内部连接`,
    remedy: '查看是哪条规则拦截：sudo nft list ruleset 或 sudo iptables -S',
  }),
  'address-elsewhere': ({ host, address }) => ({
    text:
      host === address
        ? `在 ${address} 响应的是另一台服务器，不是这台中继`
        : `${host} 指向 ${address}，在那里响应的是另一台服务器，不是这台中继`,
    remedy: `请把${host === address ? '端口转发' : ` ${host} 的 DNS 记录`}指向本机，或换用其他主机名：sudo derp-setup --host NAME`,
  }),
  'address-not-mine': ({ host, address, own }) => ({
    text: `${host === address ? address : `${host} 指向的 ${address}`} 不是本机的地址（本机：${own.join('、')}）`,
    remedy: `请把 DNS 记录改为 ${own[0]}，或换用其他主机名：sudo derp-setup --host NAME`,
  }),
  'address-unproven': ({ host, address, port }) => ({
    text: `从本机无法连接 ${host === address ? address : `${host}（${address}）`}；如果本机在云服务商的 NAT 之后，这说明不了问题`,
    remedy: `请把端口 ${port} 转发到本机，并在另一台机器上检查：npx derp-setup probe ${host}`,
  }),
  'ports-held': ({ ports }) => ({ text: `中继正在监听 ${ports.join('、')}` }),
  'port-taken': ({ protocol, port, flag, owner: who }) => ({
    text: `端口 ${port}/${protocol} 被${owner(who)}占用，而不是中继`,
    remedy: `请停止${who.name ? ` ${who.name}` : '该程序'}，然后：${RESTART}；或换一个端口：sudo derp-setup ${flag} PORT`,
  }),
  'port-closed': ({ protocol, port }) => ({
    text: `中继正在运行，但没有程序监听 ${port}/${protocol}`,
    remedy: `按 config.json 重新设置：${SETUP_AGAIN}，然后：${RESTART}`,
  }),
  'no-firewall': () => ({ text: '本机没有拦截客户端的防火墙' }),
  'firewall-open': ({ tool }) => ({ text: `${tool} 已放行，重启后依然有效` }),
  'firewall-closed': ({ tool, openings, commands }) => ({
    text: `${tool} 拦截了 ${openings.map(({ port, protocol }) => `${port}/${protocol}`).join('、')}`,
    remedy: `sudo derp-setup doctor --fix --open-firewall${commands.length > 0 ? `，即执行：${commands.join('；')}` : ''}`,
  }),
  'firewall-not-lasting': ({ tool }) => ({
    text: `${tool} 已放行，但本机没有保存规则，重启后会失效`,
    remedy: '请保存规则：sudo apt install iptables-persistent，或写入 /etc/nftables.conf 并启用 nftables.service',
  }),

  'client-served': ({ packets, medianMs }) => ({
    text: `两个客户端通过它收发了 ${packets} 个数据包，延迟 ${formatMs(medianMs)}`,
  }),
  'client-check': ({ check }, { text, remedy }) => ({
    text: `客户端看到的“${checks[check.id]}”：${text}`,
    ...(remedy !== undefined && { remedy }),
  }),
  'strangers-refused': () => ({ text: '中继拒绝了陌生的密钥，符合设置' }),
  'strangers-admitted': () => ({
    text: '一个不属于任何人的密钥通过了准入，而 --verify 并不允许所有人使用',
    remedy: `请查看下面由谁放行；如果中继在设置 --verify 之前就已启动：${RESTART}`,
  }),
  'stun-through-docker': ({ port, mapped }) => ({
    text: `端口 ${port} 的 STUN 答复了内网地址 ${mapped}：Docker 的代理隐藏了客户端的来源，客户端会得到错误的地址`,
    remedy: '请让该容器使用主机网络（network_mode: host），或停止它，把端口让给中继',
  }),
  'stun-unproven': ({ mapped }) => ({
    text: `STUN 看到本机的地址为 ${mapped}；经过云服务商的 NAT 绕回来的结果不能说明客户端的情况`,
    remedy: '请在客户端运行 tailscale netcheck，应能看到客户端自己的公网地址',
  }),

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
          remedy: '请在方便时更换：sudo derp-setup renew，然后粘贴 derp-setup derp-map 输出的内容',
        }
      : {
          text: `证书将于 ${formatDay(notAfter)} 过期（剩余 ${daysLeft} 天），本应已经续期`,
          remedy: 'sudo derp-setup renew；失败原因：journalctl -u derp-setup-renew -n 50',
        },
  'certificate-not-loaded': ({ servedUntil, fileUntil }) => ({
    text: `中继使用的证书（至 ${formatDay(servedUntil)}）与文件中的证书（至 ${formatDay(fileUntil)}）不同`,
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
  'renewal-failed': ({ unit, exitStatus }) => ({
    text: `${unit} 上次运行失败${exit(exitStatus)}`,
    remedy: '请按最后几行日志处理，然后运行：sudo derp-setup renew',
  }),

  'permissions-fine': () => ({ text: '密钥只有中继可读，所需文件都能读取' }),
  'file-exposed': ({ path, mode, wanted }) => ({
    text: `${path} 含有密钥，却允许其他用户读取（权限 ${octal(mode)}）`,
    remedy: `sudo chmod ${octal(wanted)} ${path}`,
  }),
  'file-mode': ({ path, mode, wanted }) => ({
    text: `${path} 的权限是 ${octal(mode)}，应为 ${octal(wanted)}`,
    remedy: `sudo chmod ${octal(wanted)} ${path}`,
  }),
  'file-owner': ({ path, owner: whose, wanted }) => ({
    text: `${path} 属于 ${whose}，应属于 ${wanted}，否则中继可能无法使用它`,
    remedy: `sudo chown ${wanted} ${path}`,
  }),

  'open-relay': () => ({
    text: '任何人都可以使用这台中继：陌生人会找到开放的中继并使用它',
    remedy: '只允许本机所在 tailnet 的成员：sudo derp-setup --verify tailscaled',
  }),
  'tailscaled-answers': ({ version }) => ({
    text: `tailscaled${version === undefined ? '' : ` ${version}`} 能够判断谁是 tailnet 成员`,
  }),
  'tailscaled-absent': () => ({
    text: '负责准入的 tailscaled 没有运行，新的客户端都会被拒绝',
    remedy: 'sudo systemctl enable --now tailscaled；安装方法：https://tailscale.com/download/linux',
  }),
  'tailscaled-silent': ({ detail }) => ({
    text: `tailscaled 没有答复谁可以使用中继${detail ? `：${detail}` : ''}`,
    remedy: 'sudo systemctl restart tailscaled，然后查看：tailscale status',
  }),
  'tailscaled-logged-out': () => ({
    text: 'tailscaled 没有登录，不认识任何节点，新的客户端都会被拒绝',
    remedy: 'sudo tailscale up',
  }),
  'tailscaled-stopped': () => ({
    text: 'tailscaled 已断开，不认识任何节点，新的客户端都会被拒绝',
    remedy: 'sudo tailscale up',
  }),
  'tailscaled-old': ({ version, first }) => ({
    text: `tailscaled ${version} 不支持按密钥查询，需要 ${first} 或更高版本`,
    remedy: 'sudo tailscale update，或用软件包管理器更新',
  }),
  'admission-url-answers': ({ url }) => ({ text: `准入地址响应正常，并拒绝了陌生人（${url}）` }),
  'admission-url-fails': ({ url, detail }) => ({
    text: `准入地址没有给出答复：${detail}（${url}）`,
    remedy: `请在本机测试：curl -i ${url}；换用其他地址：sudo derp-setup --verify url:https://…`,
  }),
  'admission-url-admits-all': ({ url }) => ({
    text: `准入地址放行了一个不属于任何人的密钥（${url}）`,
    remedy: '请确认在那里响应的是什么：Headscale 等的准入路径是 /verify',
  }),
  'key-list-fine': ({ path, keys }) => ({ text: `${path} 允许 ${keys} 个密钥` }),
  'key-list-empty': ({ path }) => ({
    text: `${path} 中没有密钥，所有客户端都会被拒绝`,
    remedy: '请每行写一个 nodekey:…（可从 tailscale status --json 中查到），然后：sudo systemctl reload derp-relay',
  }),
  'key-list-unreachable': ({ path }) => ({
    text: `中继的用户无权读取 ${path}，中继将无法再次启动`,
    remedy: `sudo chmod o+r ${path}，并为上级目录加上 o+x；不要放在 /home、/root 或 /tmp 下`,
  }),
  'key-list-bad': ({ detail }) => ({
    text: `密钥列表无法使用：${detail}`,
    remedy: '请修正，然后运行：sudo systemctl reload derp-relay',
  }),
  'admission-unanswered': ({ failures }) => ({
    text: `中继启动以来，有 ${failures} 次准入查询没有得到答复`,
    remedy: '目前已能答复；发生的时间：journalctl -u derp-relay | grep admission_unanswered',
  }),
  'refused-lately': ({ refused }) => ({
    text: `最近一小时拒绝了 ${refused.length} 个密钥：${refused
      .slice(0, 5)
      .map(({ key, reason, times }) => `${key} ${times} 次（${reason}）`)
      .join('、')}`,
    remedy: '如果其中有您的节点，请确认它在 tailnet 或密钥列表中',
  }),

  'map-fine': ({ regionId }) => ({ text: `derpMap 与中继一致：区域 ${regionId}` }),
  'map-differs': ({ path }) => ({
    text: `${path} 中的主机或端口与中继不一致`,
    remedy: `${SETUP_AGAIN}，然后粘贴 derp-setup derp-map 输出的内容`,
  }),
  'pin-differs': ({ path, mapPin, certificatePin }) => ({
    text: `${path} 中的指纹（${mapPin.slice(0, 19)}…）与证书（${certificatePin.slice(0, 19)}…）不一致，客户端会拒绝连接`,
    remedy: `${SETUP_AGAIN}，然后粘贴 derp-setup derp-map 输出的内容`,
  }),
  'region-of-tailscale': ({ regionId }) => ({
    text: `区域 ${regionId} 是（或将来可能是）Tailscale 自己的区域，会被您的区域取代`,
    remedy: 'sudo derp-setup --region-id 900（到 999），然后重新粘贴 derpMap',
  }),
  'region-out-of-range': ({ regionId }) => ({
    text: `区域 ${regionId} 不在为自建区域保留的 900 到 999 之内`,
    remedy: 'sudo derp-setup --region-id 900（到 999），然后重新粘贴 derpMap',
  }),

  'clock-synchronized': () => ({ text: '时钟已通过网络校准' }),
  'clock-not-synchronized': () => ({
    text: '本机的时钟没有自动校准：时间不准时，证书会显得过期或尚未生效',
    remedy: 'sudo timedatectl set-ntp true（Debian 需要先：sudo apt install systemd-timesyncd）',
  }),
  'disk-room': ({ freeBytes }) => ({ text: `磁盘剩余 ${formatBytes(freeBytes)}` }),
  'disk-low': ({ path, freeBytes }) => ({
    text: `${path} 所在的磁盘只剩 ${formatBytes(freeBytes)}`,
    remedy: '查看占用：sudo du -xh / | sort -h | tail；清理旧日志：sudo journalctl --vacuum-size=100M',
  }),
  'disk-full': ({ path, freeBytes }) => ({
    text: `${path} 所在的磁盘已满（剩余 ${formatBytes(freeBytes)}），证书无法续期`,
    remedy: '请清理：sudo journalctl --vacuum-size=100M；查看占用：sudo du -xh / | sort -h | tail',
  }),
  'open-files-enough': ({ limit }) => ({ text: `中继最多可打开 ${limit} 个文件和连接` }),
  'open-files-few': ({ limit, clients }) => ({
    text: `中继最多只能打开 ${limit} 个文件和连接，目前有 ${clients} 个客户端`,
    remedy: '请调高：sudo systemctl edit derp-relay，写入 [Service] LimitNOFILE=1048576，然后重启服务',
  }),
  'log-fine': () => ({ text: '最近一小时的日志中没有错误' }),
  'log-errors': ({ events, last }) => ({
    text: `最近一小时的日志中有错误：${Object.entries(events)
      .map(([event, number]) => `${event} ${number} 次`)
      .join('、')}${last ? `；最后一次：${last}` : ''}`,
    remedy: 'journalctl -u derp-relay -p err --since -1h；报告问题：sudo derp-setup doctor --report FILE',
  }),
  'needs-root': () => ({ text: '无法查看密钥、防火墙规则和其他用户的程序', remedy: 'sudo derp-setup doctor' }),
};
