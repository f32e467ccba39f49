/** What the doctor says of the files of the installation, its service, and the Node that runs it. */
import { formatTime } from '../../../lines/figures.ts';
import { JOURNAL, octal, RESTART, SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';

const exit = (status: number | undefined) => (status === undefined ? '' : `，退出码 ${status}`);

export const installation = {
  'files-fine': () => ({ text: '安装的文件齐全，内容一致' }),
  'file-missing': ({ path }) => ({ text: `${path} 不存在`, remedy: `重新生成：${SETUP_AGAIN}` }),
  'file-damaged': ({ path }) => ({
    text: `${path} 已损坏，不是安装时写入的内容`,
    remedy: `请先移走，再重新生成：${SETUP_AGAIN}`,
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
    text: `${path} 被手工修改过，下次设置或升级会因此中止`,
    remedy:
      '对单元的修改请放到 drop-in 中：sudo systemctl edit derp-relay；然后：sudo derp-setup setup --yes --overwrite',
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
  'docker-silent': () => ({
    text: 'Docker 引擎没有响应，中继的容器无法运行',
    remedy: 'sudo systemctl enable --now docker（没有 systemd 时：sudo service docker start）',
  }),
  'container-runs': ({ since, version, image }) => ({
    text: `derp-relay ${version} 正在容器中运行（镜像 ${image}${since ? `，自 ${formatTime(since)} 起` : ''}），响应正常`,
  }),
  'container-missing': ({ name }) => ({ text: `Docker 中没有容器 ${name}`, remedy: `重新创建：${SETUP_AGAIN}` }),
  'container-stopped': ({ name, status, exitStatus }) => ({
    text: `容器 ${name} 没有运行：${status}${exit(exitStatus)}`,
    remedy: `sudo docker start ${name}；如果再次停止，请查看：${JOURNAL}`,
  }),
  'container-restarting': ({ name, restarts, exitStatus }) => ({
    text: `容器 ${name} 中的中继一启动就退出${exit(exitStatus)}，Docker 已重试 ${restarts} 次`,
    remedy: `请按最后几行日志处理：${JOURNAL}`,
  }),
  'container-unhealthy': ({ name, image }) => ({
    text: `中继响应正常，但 Docker 认为容器 ${name} 不健康：容器内无法执行健康检查`,
    remedy: `查看原因：sudo docker inspect --format '{{json .State.Health}}' ${name}；镜像的 PATH 中必须有 Node（${image}）`,
  }),
  'container-not-at-boot': ({ name }) => ({
    text: `开机时 Docker 不会启动容器 ${name}`,
    remedy: `sudo docker update --restart unless-stopped ${name}；要长期有效，请去掉 compose.override.yaml 中的 restart`,
  }),
  'image-outdated': ({ name, image }) => ({
    text: `${image} 已拉取了新的版本，容器 ${name} 运行的仍是旧的`,
    remedy: '用新镜像重新创建：cd /etc/derp-setup/compose && sudo docker compose up -d',
  }),
  'relay-silent': ({ port }) => ({
    text: `服务正在运行，但本机端口 ${port} 上没有中继响应`,
    remedy: `查看卡在哪里：${JOURNAL}；然后：${RESTART}`,
  }),
  'other-relay-answers': ({ port }) => ({
    text: `端口 ${port} 上的中继与密钥文件中的密钥不一致`,
    remedy: `先重启，让它重新读取密钥：${RESTART}；如果无效，说明端口被另一个中继占用：sudo ss -ltnp`,
  }),
  'restart-needed': ({ running, installed }) => ({
    text: `已安装 ${installed}，但运行的仍是 ${running}`,
    remedy: RESTART,
  }),
  'derper-enabled': ({ name, running }) => ({
    text: running ? `本机还在运行 derper（${name}）` : `derper（${name}）会开机自启，并占用相同的端口`,
    remedy: `由本程序接管：sudo derp-setup --take-over；或：sudo systemctl disable --now ${name}`,
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
} satisfies Partial<FindingMessages>;
