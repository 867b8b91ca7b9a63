import { MachineError, retry, timeoutSignal, type Clock, type ConfigReader } from 'tsmachine/driver'

/** A server as the provider tells of it. */
export interface Server {
  readonly id: string
  readonly name: string
  readonly state: 'starting' | 'running' | 'stopped'
  readonly address: string
  readonly tags: Readonly<Record<string, string>>
}

export interface WantedServer extends Pick<Server, 'name' | 'tags'> {
  readonly region: string
  readonly size: string
  readonly userData: string
}

/** For all attempts of one call, and for one of them. */
const CALL_MS = 60_000
const ANSWER_MS = 20_000

/** An answer that may be another one next time. */
class Passing extends Error {
  constructor(
    message: string,
    readonly pauseMs = 0,
  ) {
    super(message)
  }
}

const isRetryable = (error: unknown): boolean => error instanceof Passing
const pauseMs = (error: unknown): number => (error instanceof Passing ? error.pauseMs : 0)

/** The provider's API. Every call ends at its deadline or at the signal; what passes is tried again. */
export class Api {
  constructor(
    private readonly config: ConfigReader,
    private readonly clock: Clock,
  ) {}

  /** Equal for configs that see the same servers. */
  static account(config: ConfigReader): string {
    return `${config.string('endpoint')} ${config.string('token')}`
  }

  async regions(signal: AbortSignal): Promise<readonly string[]> {
    return (await this.#call<{ regions: string[] }>('GET', '/regions', signal)).regions
  }

  async list(signal: AbortSignal): Promise<readonly Server[]> {
    return (await this.#call<{ servers: Server[] }>('GET', '/servers', signal)).servers
  }

  /** The server of a machine, by our tag. */
  async find(machineId: string, signal: AbortSignal): Promise<Server | undefined> {
    return (await this.list(signal)).find(({ tags }) => tags['tsmachine-id'] === machineId)
  }

  /** Makes one server, also when an answer is lost on the way: it is looked for before the request is repeated. */
  async create(wanted: WantedServer, signal: AbortSignal): Promise<Server> {
    let sent = false
    return await this.#retried('the server to be made', signal, async (inner) => {
      const made = sent ? await this.find(wanted.tags['tsmachine-id'] ?? '', inner) : undefined
      sent = true
      return made ?? (await this.#once<Server>('POST', '/servers', inner, wanted))
    })
  }

  async act(id: string, verb: 'start' | 'stop' | 'kill', signal: AbortSignal): Promise<void> {
    await this.#call('POST', `/servers/${id}/${verb}`, signal)
  }

  /** One that is gone already is no error. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    await this.#call('DELETE', `/servers/${id}`, signal)
  }

  async #call<T>(method: string, path: string, signal: AbortSignal): Promise<T> {
    return await this.#retried(`${method} ${path}`, signal, (inner) => this.#once<T>(method, path, inner))
  }

  async #retried<T>(
    what: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return await retry(what, work, { deadlineMs: CALL_MS, signal, clock: this.clock, isRetryable, pauseMs })
  }

  async #once<T>(method: string, path: string, signal: AbortSignal, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, signal, body)
    const text = await response.text()
    if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T
    if (response.status === 404 && method === 'DELETE') return undefined as T
    if (response.status === 429 || response.status >= 500)
      throw new Passing(
        `${method} ${path}: ${response.status}`,
        Number(response.headers.get('retry-after') ?? 0) * 1000,
      )
    throw new MachineError('driver', `Nope refused ${method} ${path}: ${response.status} ${text}`, {
      hints: response.status === 401 ? ['Check the token: --nope-token or NOPE_TOKEN.'] : [],
    })
  }

  async #send(method: string, path: string, signal: AbortSignal, body: unknown): Promise<Response> {
    try {
      return await fetch(this.config.string('endpoint') + path, {
        method,
        headers: {
          authorization: `Bearer ${this.config.string('token')}`,
          'content-type': 'application/json',
        },
        signal: AbortSignal.any([signal, timeoutSignal(ANSWER_MS)]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (error) {
      signal.throwIfAborted()
      const { message, cause } = error as Error
      throw new Passing(`${method} ${path}: ${cause instanceof Error ? cause.message : message}`)
    }
  }
}
