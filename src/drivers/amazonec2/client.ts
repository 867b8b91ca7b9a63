import type { EC2Client, EC2ClientConfig } from '@aws-sdk/client-ec2'
import type { RateBudget, RateLimit } from '../../contracts/account.js'
import type { Clock } from '../../contracts/clock.js'
import { isMachineError, type MachineError } from '../../contracts/errors.js'
import { unlessAborted } from '../../util/abort.js'
import { silenceSdk } from '../../util/aws-environment.js'
import { retry } from '../../util/wait.js'
import { type ApiAgents, newAgents } from '../common/api/agent.js'
import { ApiError } from '../common/api/errors.js'
import type { Action, Calls } from './calls.js'
import type { Keys } from './config.js'
import { explain } from './errors.js'
import { refuseHalves } from './whole-answer.js'

export interface Ec2ApiOptions {
  readonly region: string
  /** Empty: AWS's own. */
  readonly endpoint: string
  /** Empty: the SDK's default. */
  readonly profile: string
  /** Absent: the SDK searches (variables, profile, SSO, role, metadata service). */
  readonly keys?: Keys | undefined
  /** Tries after the first; -1: as many as fit into the deadline. */
  readonly retries: number
  readonly clock: Clock
  budget(limit: RateLimit): RateBudget
  /** One line a request, without secrets, for `--debug`. */
  log?(text: string): void
}

export interface CallOptions {
  /** Codes that pass here: what was just made is not known everywhere yet. */
  readonly settling?: readonly string[]
  readonly deadlineMs?: number
}

const CALL_MS = 60_000
const ATTEMPT_MS = 30_000
/** How long an endpoint is tried that never answered. */
const NEVER_ANSWERED_MS = 10_000
const FIRST_PAUSE_MS = 300
const LONGEST_PAUSE_MS = 10_000

/** EC2's buckets, one for each action (Request throttling for the EC2 API): burst, and how long it takes to fill again. */
const LIMITS: readonly (readonly [RegExp, Omit<RateLimit, 'name'>])[] = [
  [/^(Run|Start|Stop)Instances$/, { calls: 5, perMs: 2_500 }],
  [/^TerminateInstances$/, { calls: 100, perMs: 20_000 }],
  [/^CreateTags$/, { calls: 100, perMs: 10_000 }],
  [/^Describe/, { calls: 100, perMs: 5_000 }],
  [/./, { calls: 50, perMs: 10_000 }],
]

type AnyCommand = Parameters<EC2Client['send']>[0]

/**
 * EC2 in one region with one set of credentials. The SDK signs and parses; retries are ours: the SDK makes one attempt.
 * Every call that we use may be repeated: it reads, deletes, bears a client token, or is told that the thing exists.
 */
export class Ec2Api {
  #client: Promise<EC2Client> | undefined
  #agents: ApiAgents | undefined
  #answered = false

  constructor(private readonly options: Ec2ApiOptions) {}

  get region(): string {
    return this.options.region
  }

  inRegion(region: string): Ec2Api {
    return new Ec2Api({ ...this.options, region })
  }

  /** @throws ApiError with AWS's code, words and request id */
  async call<A extends Action>(
    action: A,
    input: Calls[A][0],
    signal: AbortSignal,
    how: CallOptions = {},
  ): Promise<Calls[A][1]> {
    const started = this.options.clock.monotonicMs()
    const attempts: { count: number; last?: MachineError } = { count: 0 }
    try {
      return await retry(
        `EC2 to answer ${action}`,
        async (limit) => await this.#attempt(action, input, { how, attempts }, limit),
        {
          deadlineMs: how.deadlineMs ?? CALL_MS,
          intervalMs: FIRST_PAUSE_MS * (0.5 + Math.random()),
          maxIntervalMs: LONGEST_PAUSE_MS * (0.5 + 0.5 * Math.random()),
          isRetryable: (error) => this.#isRetryable(error, { how, tries: attempts.count, started }),
          signal,
          clock: this.options.clock,
        },
      )
    } catch (error) {
      signal.throwIfAborted()
      if (attempts.last && isMachineError(error) && error.code === 'timeout') throw attempts.last
      throw error
    }
  }

  async #attempt<A extends Action>(
    action: A,
    input: Calls[A][0],
    of: { how: CallOptions; attempts: { count: number; last?: MachineError } },
    signal: AbortSignal,
  ): Promise<Calls[A][1]> {
    const budget = this.options.budget(limitOf(action))
    of.attempts.count++
    await budget.take(signal)
    try {
      // What the SDK asks for credentials (a program, a browser's login) may take for ever, and hears of no abort.
      const answer = await unlessAborted(this.#send(action, input, signal), signal)
      this.#answered = true
      this.options.log?.(`EC2: ${action} in ${this.options.region} -> ok`)
      return answer
    } catch (error) {
      of.attempts.last = this.#explained(error, action, of.how)
      this.options.log?.(`EC2: ${of.attempts.last.message}`)
      signal.throwIfAborted()
      this.#noteLimit(of.attempts.last, budget)
      throw of.attempts.last
    }
  }

  async #send<A extends Action>(action: A, input: Calls[A][0], signal: AbortSignal): Promise<Calls[A][1]> {
    const client = await this.#open()
    return await client.send(await command(action, input), { abortSignal: signal })
  }

  #explained(error: unknown, action: Action, how: CallOptions): MachineError {
    const { region, endpoint, keys, clock } = this.options
    return explain(error, {
      action,
      region,
      endpoint,
      proxy: this.#agents?.proxy,
      now: clock.now(),
      secrets: keys ? [keys.secretKey, keys.sessionToken, keys.accessKey] : [],
      settling: how.settling ?? [],
    })
  }

  /** The other processes of the store shall slow down too. */
  #noteLimit(error: MachineError, budget: RateBudget): void {
    if (!(error instanceof ApiError)) return
    if (error.fate !== 'unreachable') this.#answered = true
    if (error.providerCode !== 'RequestLimitExceeded') return
    budget.exhausted(new Date(this.options.clock.now().getTime() + FIRST_PAUSE_MS))
  }

  #isRetryable(error: unknown, of: { how: CallOptions; tries: number; started: number }): boolean {
    if (!(error instanceof ApiError) || !error.passing) return false
    const { retries, clock } = this.options
    const { how, tries, started } = of
    if (how.settling?.includes(error.providerCode ?? '')) return true
    if (retries >= 0 && tries > retries) return false
    return this.#answered || clock.monotonicMs() - started < NEVER_ANSWERED_MS
  }

  async #open(): Promise<EC2Client> {
    this.#client ??= this.#newClient()
    return await this.#client
  }

  async #newClient(): Promise<EC2Client> {
    silenceSdk()
    const { EC2Client } = await import('@aws-sdk/client-ec2')
    const { region, endpoint } = this.options
    const clientAt = (url: string): EC2Client => {
      const client = new EC2Client(this.#clientConfig(url))
      refuseHalves(client)
      return client
    }
    if (endpoint !== '') return clientAt(endpoint)
    // What a variable or profile says of endpoints now must not lead a recorded machine elsewhere: AWS's own is given.
    const probe = new EC2Client({ region })
    const { url } = probe.config.endpointProvider({
      Region: region,
      UseFIPS: await probe.config.useFipsEndpoint(),
      UseDualStack: await probe.config.useDualstackEndpoint(),
    })
    return clientAt(url.href)
  }

  #clientConfig(endpoint: string): EC2ClientConfig {
    const { region, profile, keys } = this.options
    const agents = (this.#agents = newAgents(endpoint))
    const credentials = keys && {
      accessKeyId: keys.accessKey,
      secretAccessKey: keys.secretKey,
      ...(keys.sessionToken === '' ? {} : { sessionToken: keys.sessionToken }),
    }
    return {
      region,
      maxAttempts: 1,
      requestHandler: {
        httpAgent: agents.httpAgent,
        httpsAgent: agents.httpsAgent,
        requestTimeout: ATTEMPT_MS,
        throwOnRequestTimeout: true,
      },
      endpoint,
      ...(profile === '' ? {} : { profile }),
      ...(credentials ? { credentials } : {}),
    }
  }
}

function limitOf(action: Action): RateLimit {
  const [, limit] = LIMITS.find(([pattern]) => pattern.test(action)) ?? [/./, { calls: 50, perMs: 10_000 }]
  return { name: action, ...limit }
}

type Constructors = Readonly<Record<`${Action}Command`, new (input: never) => AnyCommand>>

async function command<A extends Action>(action: A, input: Calls[A][0]): Promise<AnyCommand> {
  const sdk = (await import('@aws-sdk/client-ec2')) as unknown as Constructors
  return new sdk[`${action}Command`](input as never)
}
