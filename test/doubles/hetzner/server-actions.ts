import type { Handler } from '../cloud/double.js'
import { Refusal, text } from '../cloud/http.js'
import type { PowerVerb } from '../cloud/power.js'
import { acted, actionJson, list } from './answers.js'
import { join } from './servers.js'
import { type Action, found, locked, type Project, type Server } from './state.js'

const VERBS: Readonly<Record<string, readonly [command: string, verb: PowerVerb]>> = {
  poweron_server: ['start_server', 'on'],
  poweroff_server: ['stop_server', 'off'],
  reboot_server: ['reboot_server', 'reboot'],
  reset_server: ['reset_server', 'cycle'],
}

export function serverActionHandlers(project: Project): Record<string, Handler> {
  const at = (id: string | undefined): Server => {
    const server = project.server(id)
    if (server.power.busy || server.phase !== 'made') throw locked('server')
    return server
  }
  const on = ({ id }: Server): { id: number; type: string } => ({ id, type: 'server' })
  const power = Object.entries(VERBS).map(([operation, [command, verb]]): [string, Handler] => [
    operation,
    ({ params }) => {
      const server = at(params['id'])
      const action = project.begin(command, on(server))
      server.power.perform(verb, (failed) => project.end(action, failed))
      return acted(action)
    },
  ])
  return {
    ...Object.fromEntries(power),
    shutdown_server: ({ params }) => acted(shutdown(project, at(params['id']))),
    change_server_protection: ({ params, body }) => {
      const server = at(params['id'])
      if (body['delete'] !== body['rebuild'])
        throw new Refusal(422, 'invalid_input', 'delete and rebuild protection must be the same')
      server.protected = body['delete'] === true
      return acted(project.brief('change_protection', on(server)))
    },
    attach_server_to_network: ({ params, body }) => {
      const server = at(params['id'])
      const network = Number(body['network'])
      join(project, server, network, text(body, 'ip'))
      return acted(project.brief('attach_to_network', on(server), { id: network, type: 'network' }))
    },
    detach_server_from_network: ({ params, body }) => {
      const server = at(params['id'])
      server.networks.delete(Number(body['network']))
      return acted(project.brief('detach_from_network', on(server)))
    },
    ...actionHandlers(project),
  }
}

/** Ends at once: it says that the guest was asked, not that it is off. */
function shutdown(project: Project, server: Server): Action {
  if (!server.power.running) throw new Refusal(422, 'server_not_running', 'server is not running')
  const action = project.begin('shutdown_server', { id: server.id, type: 'server' })
  project.end(action)
  // A deaf guest runs on, and nothing says so.
  if (!project.conditions.ignoresShutdown) server.power.ask()
  return action
}

function actionHandlers(project: Project): Record<string, Handler> {
  const one = (id: string | undefined): ReturnType<Handler> => ({
    status: 200,
    body: { action: actionJson(found(project.actions, id, 'action')) },
  })
  const of = (server: string | undefined): readonly Action[] =>
    [...project.actions.values()].filter(({ resources }) =>
      resources.some(({ id, type }) => type === 'server' && (server === undefined || `${id}` === server)),
    )
  const listed = (actions: readonly Action[], query: URLSearchParams): ReturnType<Handler> => {
    const states = query.getAll('status')
    const fitting = actions.filter(({ status }) => states.length === 0 || states.includes(status))
    return list('actions', fitting, actionJson, query)
  }
  return {
    get_actions: ({ query }) => {
      const actions = query.getAll('id').map((id) => actionJson(found(project.actions, id, 'action')))
      return { status: 200, body: { actions } }
    },
    get_action: ({ params }) => one(params['id']),
    list_servers_actions: ({ query }) => listed(of(undefined), query),
    get_servers_action: ({ params }) => one(params['id']),
    list_server_actions: ({ params, query }) => {
      project.server(params['id'])
      return listed(of(params['id']), query)
    },
    get_server_action: ({ params }) => one(params['action_id']),
  }
}
