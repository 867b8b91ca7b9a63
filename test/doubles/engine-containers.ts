/** The part of the engine API that makes containers run: images, create, start, inspect and remove, kept in memory. */
import type { FakeEngine, MoreAnswer } from './engine.js'

interface Made {
  readonly Config: { readonly Image: string; readonly Cmd: string[]; readonly Env: string[] }
  readonly HostConfig: Record<string, unknown>
  readonly State: { Running: boolean }
}

export class EngineContainers {
  readonly made = new Map<string, Made>()
  readonly images = new Set<string>()
  /** What a registry has. */
  readonly registry = new Set<string>()

  constructor(engine: FakeEngine) {
    engine.more = (method, url, body) => this.#answer(method, url, body)
  }

  #answer(method: string, url: URL, body: string): MoreAnswer | undefined {
    const [, room = '', name = '', verb = ''] =
      /^\/(containers|images)\/([^/]+)(?:\/(\w+))?$/.exec(url.pathname) ?? []
    if (room === 'images' && name === 'create') return this.#pull(url.searchParams.get('fromImage') ?? '')
    if (room === 'images')
      return this.images.has(decodeURIComponent(name)) ? { status: 200, body: {} } : missing(name)
    if (room !== 'containers' || name === 'json') return undefined
    if (name === 'create') return this.#create(url.searchParams.get('name') ?? '', body)
    const container = this.made.get(name)
    if (!container) return missing(name)
    if (method === 'GET') return { status: 200, body: container }
    if (method === 'DELETE') return (this.made.delete(name), { status: 204, body: '' })
    if (verb !== 'start') return { status: 400 }
    container.State.Running = true
    return { status: 204, body: '' }
  }

  #pull(image: string): MoreAnswer {
    const found = this.registry.has(image)
    if (found) this.images.add(image)
    const end = found ? { status: 'Downloaded' } : { error: `pull access denied for ${image}` }
    return { status: 200, body: `${JSON.stringify({ status: 'Pulling' })}\r\n${JSON.stringify(end)}\r\n` }
  }

  #create(name: string, body: string): MoreAnswer {
    if (this.made.has(name)) return { status: 409, body: { message: `name ${name} is in use` } }
    const { HostConfig, ...Config } = JSON.parse(body) as Made['Config'] & Pick<Made, 'HostConfig'>
    if (!this.images.has(Config.Image)) return missing(Config.Image)
    // As the engine does it: what the image sets comes along.
    this.made.set(name, {
      Config: { ...Config, Env: [...Config.Env, 'PATH=/bin'] },
      HostConfig,
      State: { Running: false },
    })
    return { status: 201, body: { Id: name } }
  }
}

function missing(what: string): MoreAnswer {
  return { status: 404, body: { message: `No such object: ${what}` } }
}
