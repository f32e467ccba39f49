import type { RangeFlaw } from '../../../protocol/address-set.ts';
import { formatBytes } from '../../lines/columns.ts';
import { printable } from '../../lines/text.ts';
import type { ProblemMessages, Wording } from '../wording.ts';
import { obstacles, valueProblems } from './certificates.ts';
import { derperStays } from './derper.ts';
import { nginxProblems } from './nginx.ts';
import { nginxCannot } from './nginx-front.ts';
import { owner } from './owner.ts';

export { owner };

const list = (words: readonly string[], last: string) =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join('、')}${last}${words.at(-1)}`;

const didYouMean = (suggestion: string | undefined) =>
  suggestion === undefined ? {} : { remedy: `是不是想写 ${suggestion}？` };

const ports = (offAllowed: boolean) => (offAllowed ? '应为 1 到 65535，-1 表示关闭' : '应为 1 到 65535');

const plainHost = '请填写 derp.example.com 这样的域名，或 IPv4、IPv6 地址';
const hostRemedies = {
  plain: plainHost,
  url: '只填域名或地址，不要带 https:// 和路径',
  port: '只填域名或地址，端口用 --derp-port 指定',
};

/** What is wrong with an address or range. */
function rangeFlaw(flaw: RangeFlaw): Wording {
  switch (flaw.code) {
    case 'no-range':
      return {
        rule: '既不是 IP 地址，也不是网段',
        remedy: '例如 192.0.2.1、192.0.2.0/24 或 2001:db8::/32；列表文件的路径请以 / 或 ./ 开头',
      };
    case 'bad-length':
      return { rule: `斜杠后面应是 0 到 ${flaw.longest} 的数字` };
    case 'mapped':
      return { rule: '是用 IPv6 形式书写的 IPv4 网段', remedy: '请改用 IPv4 形式' };
    case 'begins-within':
      return { rule: '不是网段的起始地址', remedy: `请写 ${flaw.range}，或只写地址 ${flaw.address}` };
  }
}

const fileRemedies = {
  missing: '请检查路径',
  denied: '请让运行本程序的用户有权访问它，或改用它的所有者来运行',
  'is-directory': '请指定文件，而不是目录',
  'not-directory': '请检查路径，或移走占用目录位置的文件',
  'read-only': '请指定可写文件系统上的目录',
  'no-space': '请清理磁盘，或用 --root 指定其他目录',
  other: '请检查路径',
};

const fileReasons = {
  missing: '文件不存在',
  denied: '权限不足',
  'is-directory': '这是一个目录',
  'not-directory': '路径中有一段不是目录',
  'read-only': '文件系统是只读的',
  'no-space': '磁盘空间已满',
};

export const problems: ProblemMessages = {
  ...obstacles,
  ...valueProblems,
  ...nginxProblems,
  'unknown-flag': ({ suggestion }) => ({ rule: '此命令没有这个选项', ...didYouMean(suggestion) }),
  'unknown-argument': () => ({ rule: '是多余的参数', remedy: '值要写在对应的选项后面' }),
  'unknown-command': ({ suggestion }) => ({ rule: '没有这个命令', ...didYouMean(suggestion) }),
  'unknown-setting': ({ suggestion }) => ({ rule: '此版本没有这个设置项', ...didYouMean(suggestion) }),
  'missing-value': () => ({ rule: '缺少值' }),
  'missing-host': () => ({ rule: '没有指定', remedy: '请指定要检查的中继，例如：derp-setup probe derp.example.com' }),
  'not-text': () => ({ rule: '必须是文本或数字' }),
  'not-a-host': ({ hint }) => ({ rule: '既不是主机名，也不是 IP 地址', remedy: hostRemedies[hint] }),
  'unusable-host': () => ({ rule: '客户端无法连接这个地址', remedy: plainHost }),
  'not-a-port': ({ offAllowed }) => ({ rule: `不是有效的端口（${ports(offAllowed)}）` }),
  'same-port': ({ other }) => ({ rule: `与 ${other} 的端口相同`, remedy: '请使用两个不同的端口' }),
  'port-in-use': (rule) => ({
    rule: `已被${owner(rule.owner)}占用`,
    remedy: `请停止${rule.owner?.name ? ` ${rule.owner.name}` : '该程序'}，或换一个 ${rule.protocol.toUpperCase()} 端口`,
  }),
  'nginx-in-the-way': ({ obstacle }) => {
    const { why, remedy } = nginxCannot(obstacle);
    const other = '换一个端口，或用 -1 关闭';
    return {
      rule: `已被 nginx 占用，而 nginx ${why}`,
      remedy: remedy === undefined ? `请${other}` : `${remedy}；或者${other}`,
    };
  },
  'nginx-cannot-end-tls': ({ obstacle }) => {
    const { why, remedy } = nginxCannot(obstacle);
    return { rule: `无法实现：nginx ${why}`, remedy: remedy ?? '请使用 --front stream，或给中继换一个端口' };
  },
  'nothing-in-front': () => ({
    rule: '没有用处：端口 80 上没有可以转发的 nginx',
    remedy: '请去掉它，中继会直接使用端口 80',
  }),
  'port-denied': () => ({ rule: '当前用户无权使用此端口', remedy: '请改用 1024 及以上的端口，或以 root 身份运行' }),
  'no-free-port': ({ protocol }) => ({ rule: `已被占用，且更高的 ${protocol.toUpperCase()} 端口也都不可用` }),
  'not-one-of': ({ choices }) => ({ rule: `只能是 ${list(choices, ' 或 ')}` }),
  needs: ({ flags }) => ({ rule: `需要同时指定 ${list(flags, ' 和 ')}` }),
  'only-with': ({ choice }) => ({ rule: `只能与 ${choice} 一起使用`, remedy: `请加上 ${choice}，或去掉此选项` }),
  'not-with': ({ flag }) => ({ rule: `不能与 ${flag} 同时使用` }),
  'not-a-number': () => ({ rule: '不是数字（自建区域请使用 900 到 999）' }),
  'not-a-count': ({ first, last }) => ({ rule: `不是 ${first} 到 ${last} 之间的整数` }),
  'out-of-range': ({ first, last }) => ({ rule: `不在 ${first} 到 ${last} 之间（自建区域请使用 900 到 999）` }),
  'bad-code': () => ({ rule: '不是有效的区域代码', remedy: '最多 32 个字母、数字或连字符，例如 myderp' }),
  'bad-name': () => ({ rule: '不是有效的区域名称', remedy: '单行文本，最多 64 个字符，例如“我的 DERP”' }),
  'bad-node-name': () => ({ rule: '不是有效的节点名称', remedy: '使用字母、数字、点、连字符和下划线，例如 900a' }),
  'not-an-address': ({ family }) => ({
    rule: `不是 IPv${family} 地址`,
    remedy: `填写 none 则客户端不使用 IPv${family}`,
  }),
  'contradicts-host': ({ host }) => ({ rule: `与主机地址 ${host} 不一致`, remedy: '主机本身就是地址，去掉此选项即可' }),
  'not-a-home': () => ({ rule: '不是有效的首页设置', remedy: '可用 default、blank，或要跳转到的网址（https://…）' }),
  'not-a-pin': () => ({
    rule: '不是有效的证书指纹',
    remedy: '格式为 sha256-raw: 加 64 位十六进制数，即 derpMap 中的 CertName',
  }),
  file: ({ action, problem, detail }) => ({
    rule: `无法${action === 'read' ? '读取' : '写入'}：${problem === 'other' ? detail : fileReasons[problem]}`,
    remedy: fileRemedies[problem],
  }),
  'not-a-directory': () => ({ rule: '不是目录' }),
  'not-json': () => ({ rule: '不是 JSON 格式', remedy: '请修正此文件，或将其移走' }),
  'not-an-object': () => ({ rule: '内容不是由设置项组成的 JSON 对象', remedy: '例如 {"host": "derp.example.com"}' }),
  'newer-config': () => ({ rule: '由更新版本的 derp-setup 写入', remedy: '请使用该版本，或移走此文件后重新设置' }),
  'not-a-certificate': () => ({
    rule: '没有完整的 PEM 证书',
    remedy: '文件应完整包含服务器证书及其中间证书；请恢复此文件，或指定其他文件',
  }),
  'not-a-private-key': () => ({
    rule: '没有完整的 PEM 私钥',
    remedy: '请从证书来源处恢复此文件，或指定其他文件',
  }),
  'encrypted-key': () => ({
    rule: '私钥有密码保护',
    remedy: '服务器必须能自行读取私钥，可去除密码：openssl pkey -in 旧文件 -out 新文件',
  }),
  'key-mismatch': ({ certFile }) => ({ rule: `与证书 ${certFile} 不匹配`, remedy: '请指定同一对证书和私钥' }),
  'host-not-covered': ({ host, names }) => ({
    rule: names ? `不适用于 ${host}，证书中的名称是 ${names}` : `不适用于 ${host}，证书中没有任何名称`,
    remedy: '请使用证书中的主机名，或换用适用于此主机的证书',
  }),
  expired: ({ at }) => ({ rule: `已于 ${at} 过期`, remedy: '请更新证书' }),
  'not-yet-valid': ({ at }) => ({ rule: `从 ${at} 起才有效`, remedy: '请检查本机时钟' }),
  'chain-order': ({ position }) => ({
    rule: `第 ${position} 个证书的位置不对：前一个证书不是由它签发的`,
    remedy: '请先放服务器证书，再放签发它的证书，依次类推',
  }),
  'bad-relay-key': () => ({
    rule: '不是完整的中继密钥文件（{"PrivateKey": "privkey:…"}）',
    remedy: '请从备份恢复；或将其移走，程序会生成新的密钥',
  }),
  'not-an-admission-url': () => ({
    rule: '不是可用的准入地址',
    remedy: '格式为 url:https://…；只有本机可以用 http://，例如 url:http://127.0.0.1:8080/verify',
  }),
  'must-choose': ({ choices }) => ({
    rule: '必须指定：它决定谁可以使用中继',
    remedy: `可选 ${list(choices, ' 或 ')}；选 none 的话，陌生人会找到并使用这台中继`,
  }),
  'needs-root': () => ({
    rule: '需要 root 权限，因为要安装系统服务',
    remedy: '请用 sudo 运行；不用 root 也可以先试用：--deploy foreground',
  }),
  'needs-systemd': () => ({
    rule: '需要 systemd，而本机没有运行 systemd',
    remedy: '可以用 --deploy foreground 试用，或用 --root DIR 为其他机器生成文件',
  }),
  'needs-tailscaled': () => ({
    rule: '需要 tailscaled，而本机没有运行 tailscaled',
    remedy: '请先在本机安装 Tailscale 并登录（tailscale up），或改用 --verify 的其他方式',
  }),
  'needs-docker': () => ({
    rule: '需要 Docker，而本机没有安装',
    remedy:
      '请连同 Compose 一起安装：https://docs.docker.com/engine/install/，或使用发行版的软件包（docker.io、docker-compose）',
  }),
  'docker-denied': ({ user }) => ({
    rule: `需要 Docker，而用户 ${user} 无权使用`,
    remedy: `请用 sudo 运行；如要不用 sudo 使用 Docker：sudo usermod -aG docker ${user}，然后重新登录`,
  }),
  'docker-stopped': () => ({
    rule: '需要 Docker 引擎，而它没有响应',
    remedy: '请启动它：sudo systemctl enable --now docker（没有 systemd 时：sudo service docker start）',
  }),
  'docker-confined': () => ({
    rule: '需要能访问 /etc 和 /usr/local 的 Docker，而本机的 Docker 是 snap 软件包，无法访问',
    remedy:
      '请换用其他来源：sudo snap remove docker，然后参照 https://docs.docker.com/engine/install/ 或 apt install docker.io',
  }),
  'needs-compose': () => ({
    rule: '需要 Docker Compose，而本机没有安装',
    remedy:
      '请安装其中一个软件包：docker-compose-plugin（Docker 官方源）、docker-compose-v2（Ubuntu）、docker-compose（Debian）、docker-cli-compose（Alpine）',
  }),
  'container-name-taken': ({ image, project }) => ({
    rule: `已是另一个容器的名字（${project === undefined ? `镜像 ${image}` : `项目 ${project}`}）`,
    remedy: '请删除它（docker rm -f derp-relay），或给它改名：docker rename derp-relay derp-relay-before',
  }),
  'directory-not-mountable': ({ directory }) => ({
    rule: `直接位于 ${directory} 中，而这个目录不能整个挂载到容器里`,
    remedy: '请放到单独的目录里；密钥列表可以放在 /etc/derp-setup',
  }),
  'no-system-id': () => ({
    rule: '无法创建：系统用户的编号（201 到 999）已全部占用',
    remedy: '请删除不再需要的用户和用户组',
  }),
  'not-an-image': () => ({
    rule: '不是有效的镜像名',
    remedy: '例如 node:24-bookworm-slim，或带上镜像仓库：registry.example.com/library/node:24-bookworm-slim',
  }),
  'user-can-log-in': ({ uid }) => ({
    rule: `已经存在（uid ${uid}），而且是可以登录的普通用户，不是服务用户`,
    remedy: '请改名或删除该用户：中继要以这个名字的系统用户运行',
  }),
  'user-of-another-group': () => ({
    rule: '已经存在，但没有与之同名的用户组',
    remedy: '请用 userdel derp-relay 删除它，之后会新建带有同名用户组的用户',
  }),
  'group-without-user': () => ({
    rule: '作为用户组已经存在，但没有同名的用户',
    remedy: '请用 groupdel derp-relay 删除它，之后会新建带有同名用户组的用户',
  }),
  'no-room': ({ needed, free }) => ({
    rule: `所在的磁盘需要 ${formatBytes(needed)}，只剩 ${formatBytes(free)}`,
    remedy: '请在该文件系统上腾出空间（可用 df -h 查看）',
  }),
  'edited-by-hand': ({ kind }) => ({
    rule: '写入之后被手工修改过',
    remedy: {
      unit: '请把改动放进 drop-in 文件（systemctl edit derp-relay），或用 --overwrite 覆盖',
      compose: '请把改动放进同一目录的 compose.override.yaml，再用 --overwrite 覆盖',
      other: '请用 --overwrite 覆盖；其内容由 derp-setup 的选项决定',
    }[kind],
  }),
  'bad-manifest': () => ({
    rule: '已损坏：它记录了安装的内容',
    remedy: '请从备份恢复，或移走它再运行一次 derp-setup，会重新生成',
  }),
  'bad-prover-keys': () => ({
    rule: '已损坏：它保存着验证中继所用客户端的密钥',
    remedy: '请移走它再运行一次，会重新生成密钥',
  }),
  'bad-key-list': ({ detail }) => ({
    rule: `无法使用：${detail}`,
    remedy: '每行一个 nodekey:<64 位十六进制>，# 之后为注释',
  }),
  'unreachable-by-relay': () => ({
    rule: '中继读不到这个文件：它以单独的用户运行，看不到任何主目录',
    remedy: '请把文件放到 /etc/derp-setup，并允许所有人读取（其中没有机密）',
  }),
  'bad-range': ({ flaw }) => rangeFlaw(flaw),
  'bad-address-line': ({ line, text, flaw }) => {
    const { rule, remedy } = rangeFlaw(flaw);
    return { rule: `第 ${line} 行有误：${printable(text)} ${rule}`, ...(remedy !== undefined && { remedy }) };
  },
  'empty-address-list': () => ({
    rule: '没有任何地址，所有人都会被拒绝',
    remedy: '每行写一个地址或网段，例如 192.0.2.0/24；取消列表、允许所有地址：--allow-cidr none',
  }),
  'not-a-rate': () => ({
    rule: '不是有效的速率（字节每秒）',
    remedy: '例如 10M、500k 或 1250000，之后可加 :突发量（10M:20M），none 表示不限速',
  }),
  'needs-address-list': () => ({
    rule: '没有指定，已安装的中继也没有按地址限制',
    remedy: '请指定列表，例如 --allow-cidr 192.0.2.0/24,/etc/derp-setup/home.txt，或同样使用 --deny-cidr',
  }),
  'older-version': ({ installed, version }) => ({
    rule: `会降级：已安装的是 ${installed}，当前程序是 ${version}`,
    remedy: 'npx --yes derp-setup@latest upgrade；如确需降级，请先卸载：密钥和证书会保留',
  }),
  'needs-yes': () => ({
    rule: '未指定：没有终端时，不明确要求就不会安装',
    remedy: '加上 --yes 进行安装，或用 --dry-run 查看将要做什么',
  }),
  'derper-in-the-way': ({ name }) => ({
    rule: `正被 derper 使用（${name}）`,
    remedy: '用 --take-over 接管它的密钥、证书和端口，或换一个端口',
  }),
  'firewall-refuses': ({ tool, ports: shut }) => ({
    rule: `不会有效果：${tool} 中有一条您自己的规则拒绝了 ${shut.join('、')}`,
    remedy: '请删除该规则，或换用其他端口；不加 --open-firewall 则由您自行管理防火墙',
  }),
  'derper-not-stoppable': ({ refusal }) => ({ rule: `无法做到：${derperStays[refusal]}` }),
  'only-for-target': ({ target }) => ({ rule: `只能与 --deploy ${target} 一起使用`, remedy: '请去掉它' }),
};
