/** What the doctor says of the way from a client to the relay. */
import { formatMs } from '../../../../probe/latency.ts';
import { RESTART, SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';
import { owner } from '../problems.ts';
import { checks } from '../report.ts';

/** Between Chinese and what begins with a letter stands a space. */
const spaced = (text: string) => (/^[\x20-\x7e]/.test(text) ? ` ${text}` : text);

export const reach = {
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
    remedy: `${host === address ? '请把端口转发指向本机' : `请把 ${host} 的 DNS 记录直接指向本机，中间不要经过 CDN 或代理`}；或换用其他主机名：sudo derp-setup --host NAME`,
  }),
  'address-not-mine': ({ host, address, own }) => ({
    text: `${host === address ? address : `${host} 指向的 ${address}`} 不是本机的地址（本机：${own.join('、')}）`,
    remedy: `请把 DNS 记录改为 ${own[0]}；或换用其他主机名：sudo derp-setup --host NAME`,
  }),
  'address-unproven': ({ host, address, port }) => ({
    text: `从本机无法连接 ${host === address ? address : `${host}（${address}）`}；如果中间有云服务商的 NAT，这不一定说明有问题`,
    remedy: `请在云服务商的安全组中放行端口 ${port}，或把它转发到本机；然后在另一台机器上检查：npx derp-setup probe ${host}`,
  }),
  'ports-held': ({ ports }) => ({ text: `中继正在监听 ${ports.join('、')}` }),
  'port-taken': ({ protocol, port, flag, owner: who }) => ({
    text: `端口 ${port}/${protocol} 被${spaced(owner(who))}占用，而不是中继`,
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
    remedy: [
      'sudo derp-setup doctor --fix --open-firewall',
      ...(commands.length > 0 ? [`或手动执行：${commands.map((command) => `sudo ${command}`).join('；')}`] : []),
    ].join('；'),
  }),
  'firewall-not-lasting': ({ tool }) => ({
    text: `${tool} 已放行，但本机没有保存规则，重启后会失效`,
    remedy: '请保存规则：sudo apt install iptables-persistent，或写入 /etc/nftables.conf 并启用 nftables.service',
  }),
  'client-served': ({ packets, medianMs }) => ({
    text: `两个客户端通过它收发了 ${packets} 个数据包，延迟 ${formatMs(medianMs)}`,
  }),
  'tls-ends-in-nginx': () => ({
    text: '按设置由 nginx 在中继前终结 TLS：每次登录多一次往返，客户端地址只能从 nginx 的请求头得知（--front stream 则原样转发 TLS）',
  }),
  'client-check': ({ check }, { text, remedy }) => ({
    text: `以客户端身份检查“${checks[check.id]}”：${text}`,
    ...(remedy !== undefined && { remedy }),
  }),
  'strangers-refused': () => ({ text: '陌生的密钥被拒绝，与设置一致' }),
  'strangers-admitted': () => ({
    text: '随机生成的密钥也能通过准入，而 --verify 的设置不允许陌生人使用',
    remedy: `让中继重新读取设置：${RESTART}；如果仍然如此，说明是被查询的一方放行的`,
  }),
  'stun-through-docker': ({ port, mapped }) => ({
    text: `端口 ${port} 的 STUN 答复了内网地址 ${mapped}：docker-proxy 隐藏了客户端的来源地址，客户端得到的地址是错的`,
    remedy: '请让该容器使用主机网络（network_mode: host），或停止它，把端口让给中继',
  }),
  'stun-unproven': ({ mapped }) => ({
    text: `STUN 看到本机的地址为 ${mapped}；经过云服务商的 NAT 绕回来的结果不能说明客户端的情况`,
    remedy: '请在客户端运行 tailscale netcheck，应能看到客户端自己的公网地址',
  }),
} satisfies Partial<FindingMessages>;
