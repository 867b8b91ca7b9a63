/** EC2 on the loopback address: the query protocol, signatures, permissions and throttling, with an account behind them. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../../src/contracts/clock.js'
import { systemClock } from '../../../src/util/clock.js'
import { type Fault, Faults } from '../cloud/faults.js'
import type { GuestHost } from '../cloud/guest.js'
import { plainHeaders, readBody } from '../cloud/http.js'
import { openGuests } from '../cloud/open-guests.js'
import { type AccountOptions, DoubleAccount } from './account.js'
import { ACCOUNT } from './catalogue.js'
import { actionNamed, OWN_DRY_RUN } from './actions/index.js'
import { answerControl } from './control.js'
import { Ec2Error, refuse } from './errors.js'
import { settle } from './life.js'
import { operation } from './model.js'
import { parseInput } from './query.js'
import { type Credential, CREDENTIAL, type SignedRequest, type Signer, signerOf } from './signature.js'
import type { Region } from './state.js'
import { Throttle } from './throttle.js'
import { answerXml, errorXml } from './xml.js'

export interface Ec2Options extends AccountOptions {
  readonly clock?: Clock
  readonly servers?: 'none' | 'vms' | GuestHost
  /** Who is known; `CREDENTIAL` when absent. */
  readonly credentials?: readonly Credential[]
  /** False: EC2's rate limits are not enforced. */
  readonly rates?: boolean
}

/** One request as tests see it: no signature, no user data. */
export interface LoggedRequest {
  readonly number: number
  readonly operation: string
  readonly region: string
  /** What the SDK was given; empty when it is refused before that is known. */
  input: Readonly<Record<string, unknown>>
  /** 0: the connection was broken. */
  status: number
  code?: string
}

export type RequestHook = (request: LoggedRequest) => void | Promise<void>

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

export class Ec2Double {
  readonly requests: LoggedRequest[] = []
  readonly faults = new Faults()
  readonly credentials: Credential[]
  /** Called with each request before it is acted on, or when it has been and the answer is not yet sent. */
  onRequest: RequestHook = () => undefined
  onActed: RequestHook = () => undefined
  readonly #server: Server
  readonly #throttle: Throttle | undefined

  private constructor(
    private readonly clock: Clock,
    readonly account: DoubleAccount,
    options: Ec2Options,
  ) {
    this.credentials = [...(options.credentials ?? [CREDENTIAL])]
    this.#throttle = options.rates === false ? undefined : new Throttle(clock)
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(options: Ec2Options = {}): Promise<Ec2Double> {
    const clock = options.clock ?? systemClock
    const double = new Ec2Double(
      clock,
      new DoubleAccount(clock, await openGuests(options.servers), options),
      options,
    )
    await new Promise<void>((resolve) => double.#server.listen(0, '127.0.0.1', resolve))
    return double
  }

  /** What the double cannot do, and answers of ours that do not fit the description: a test looks here at its end. */
  get violations(): string[] {
    return this.account.violations
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  fail(fault: Fault): void {
    this.faults.add(fault)
  }

  /** Requests so far, of one action or of all. */
  count(name?: string): number {
    return name === undefined ? this.requests.length : (this.counts()[name] ?? 0)
  }

  counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { operation } of this.requests) counts[operation] = (counts[operation] ?? 0) + 1
    return counts
  }

  inventory(): readonly string[] {
    this.account.regions().forEach(settle)
    return this.account.inventory()
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await this.account.guests.close()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    try {
      const asked = {
        method: request.method ?? '',
        path: request.url ?? '/',
        headers: plainHeaders(request),
        body: await readBody(request),
      }
      const control = answerControl(this, asked.method, asked.path, asked.body)
      if (control !== undefined) return void response.end(control)
      const answer = await this.#answer(asked)
      if (answer === 'hang') return
      if (answer === 'drop') request.socket.destroy()
      else this.#send(response, answer)
    } catch (error) {
      this.violations.push(
        `the double failed: ${error instanceof Error ? (error.stack ?? '') : String(error)}`,
      )
      request.socket.destroy()
    }
  }

  /** The date is that of our clock: the SDK corrects its own by it. */
  #send(response: ServerResponse, { status, body, headers }: Answer): void {
    response.writeHead(status, {
      'content-type': 'text/xml;charset=UTF-8',
      date: this.clock.now().toUTCString(),
      ...headers,
    })
    response.end(body)
  }

  async #answer(asked: SignedRequest): Promise<Answer | 'drop' | 'hang'> {
    const parameters = new URLSearchParams(asked.body)
    const logged: LoggedRequest = {
      number: this.requests.length + 1,
      operation: parameters.get('Action') ?? '',
      region: /\/\d{8}\/([^/]+)\//.exec(asked.headers['authorization'] ?? '')?.[1] ?? '',
      input: {},
      status: 0,
    }
    this.requests.push(logged)
    await this.onRequest(logged)
    const fault = this.faults.next(logged.operation)
    if (fault?.kind === 'delay') await this.clock.sleep(fault.ms)
    if (fault?.kind === 'hang') return 'hang'
    if (fault?.kind === 'drop-before') return 'drop'
    const answer = await this.#outcome(asked, { parameters, logged, fault })
    await this.onActed(logged)
    if (fault?.kind === 'drop-after') return 'drop'
    logged.status = answer.status
    return answer
  }

  async #outcome(asked: SignedRequest, of: Asked): Promise<Answer> {
    const requestId = randomUUID()
    const fault = of.fault?.kind === 'status' ? of.fault : undefined
    try {
      const signer = signerOf(asked, this.credentials, this.clock)
      const region = this.account.region(signer.region)
      if (!region)
        return refuse('AuthFailure', 'AWS was not able to validate the provided access credentials')
      if (this.#throttle?.refuses(region.name, of.logged.operation))
        refuse('RequestLimitExceeded', 'Request limit exceeded.')
      if (fault && !fault.acted) throw scripted(fault)
      const body = await this.#act(of, { signer, region, requestId })
      if (fault) throw scripted(fault)
      return { status: 200, body, headers: { 'x-amzn-requestid': requestId } }
    } catch (error) {
      if (!(error instanceof Ec2Error)) throw error
      of.logged.code = error.code
      const wait = fault?.retryAfterSeconds
      const headers = {
        'x-amzn-requestid': requestId,
        ...(wait === undefined ? {} : { 'retry-after': String(wait) }),
      }
      return { status: error.status, body: errorXml(error, requestId), headers }
    }
  }

  async #act(
    { parameters, logged }: Asked,
    at: { signer: Signer; region: Region; requestId: string },
  ): Promise<string> {
    const described = operation(logged.operation)
    if (!described)
      return refuse('InvalidAction', `The action ${logged.operation} is not valid for this web service.`)
    const action = actionNamed(logged.operation)
    if (!action) {
      this.violations.push(`the double has no ${logged.operation}`)
      return refuse('UnsupportedOperation', `the double has no ${logged.operation}`)
    }
    const input = parseInput(described.input, parameters)
    logged.input = 'UserData' in input ? { ...input, UserData: '(not kept)' } : input
    if (at.signer.credential.denied?.includes(logged.operation)) forbidden(logged.operation)
    settle(at.region)
    if (input['DryRun'] === true && !OWN_DRY_RUN.has(logged.operation))
      refuse('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.')
    const output = await action({ input, region: at.region, account: this.account })
    return answerXml(described, output, at.requestId)
  }
}

interface Asked {
  readonly parameters: URLSearchParams
  readonly logged: LoggedRequest
  readonly fault: Fault | undefined
}

function scripted({ code, message, status }: Fault & { kind: 'status' }): Ec2Error {
  return new Ec2Error(
    code ?? (status >= 500 ? 'InternalError' : 'InvalidRequest'),
    message ?? 'An error has occurred',
    status,
  )
}

function forbidden(action: string): never {
  return refuse(
    'UnauthorizedOperation',
    `You are not authorized to perform this operation. User: arn:aws:iam::${ACCOUNT}:user/ci is not authorized to perform: ec2:${action} because no identity-based policy allows the ec2:${action} action.`,
  )
}
