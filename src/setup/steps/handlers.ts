/** The handler of each kind of step. */
import type { Step, StepKind } from '../../deploy/steps.ts';
import { certificateHandler } from './certificate.ts';
import { composeHandler } from './compose.ts';
import { composeDownHandler } from './compose-down.ts';
import { directoryHandler } from './directory.ts';
import { disableHandler, reloadUnitsHandler } from './disable.ts';
import { editHandler, restoreHandler } from './edit.ts';
import { enableHandler } from './enable.ts';
import { fileHandler } from './file.ts';
import { closeFirewallHandler, firewallHandler } from './firewall.ts';
import type { StepHandler } from './handler.ts';
import { imageHandler } from './image.ts';
import { linkHandler } from './link.ts';
import { nginxHandler } from './nginx.ts';
import { ownerHandler } from './owner.ts';
import { programsHandler, runtimeHandler } from './programs.ts';
import { removeHandler } from './remove.ts';
import { serviceHandler } from './service.ts';
import { stopDerperHandler } from './stop-derper.ts';
import { removeUserHandler, userHandler } from './user.ts';

const handlers: { [K in StepKind]: StepHandler<Extract<Step, { kind: K }>> } = {
  directory: directoryHandler,
  file: fileHandler,
  link: linkHandler,
  user: userHandler,
  programs: programsHandler,
  runtime: runtimeHandler,
  enable: enableHandler,
  service: serviceHandler,
  image: imageHandler,
  compose: composeHandler,
  'compose-down': composeDownHandler,
  firewall: firewallHandler,
  'stop-derper': stopDerperHandler,
  owner: ownerHandler,
  certificate: certificateHandler,
  nginx: nginxHandler,
  edit: editHandler,
  restore: restoreHandler,
  remove: removeHandler,
  disable: disableHandler,
  'reload-units': reloadUnitsHandler,
  'close-firewall': closeFirewallHandler,
  'remove-user': removeUserHandler,
};

/** The handler of a step. */
export function handlerOf<S extends Step>(step: S): StepHandler<S> {
  return handlers[step.kind] as unknown as StepHandler<S>;
}

/** What a step changes, by the name under which later steps know it. */
export function subjectOf(step: Step): string {
  switch (step.kind) {
    case 'enable':
    case 'service':
    case 'disable':
      return step.unit;
    case 'image':
      return step.image;
    case 'compose':
    case 'compose-down':
      return step.project.container;
    case 'nginx':
      return 'nginx';
    case 'reload-units':
      return 'systemd';
    case 'user':
    case 'remove-user':
    case 'stop-derper':
      return step.name;
    case 'firewall':
    case 'close-firewall':
      return step.tool;
    default:
      return step.path;
  }
}
