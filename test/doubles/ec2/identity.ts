/** Where the SDK's default chain finds credentials on an EC2 instance (IMDSv2), and for a role (STS): as much as it asks for. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../../../src/util/clock.js'
import { plainHeaders, readBody } from '../cloud/http.js'
import { ACCOUNT } from './catalogue.js'
import type { Ec2Double } from './double.js'
import { Ec2Error, refuse } from './errors.js'
import { type Credential, signerOf } from './signature.js'

const ROLE = 'ci-runner'
const HOUR_MS = 3_600_000

interface Answer {
  readonly status: number
  readonly body: string
}

const NOT_FOUND: Answer = { status: 404, body: '' }

export class Identity {
  /** `PUT /latest/api/token`, `AssumeRole arn:...`. */
  readonly requests: string[] = []
  /** Roles that nobody may take. */
  readonly closedRoles = new Set<string>()
  readonly #server: Server
  #metadataToken = ''
  #granted = 0

  private constructor(private readonly ec2: Ec2Double) {
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(ec2: Ec2Double): Promise<Identity> {
    const identity = new Identity(ec2)
    await new Promise<void>((resolve) => identity.#server.listen(0, '127.0.0.1', resolve))
    return identity
  }

  /** Of the metadata service and of STS: AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_ENDPOINT_URL_STS. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Temporary ones, which our EC2 knows from now on. */
  #grant(): Credential {
    this.#granted += 1
    const number = String(this.#granted).padStart(4, '0')
    const credential = {
      accessKeyId: `ASIADOUBLE${number}`,
      secretAccessKey: `temporary-secret-${number}`,
      sessionToken: `temporary-token-${number}`,
    }
    this.ec2.credentials.push(credential)
    return credential
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    const { method = '', url: path = '/' } = request
    const { status, body: text } =
      method === 'POST' ? this.#sts(request, body) : this.#metadata(`${method} ${path}`, request)
    response.writeHead(status).end(text)
  }

  #metadata(what: string, { headers }: IncomingMessage): Answer {
    this.requests.push(what)
    if (what === 'PUT /latest/api/token') {
      if (headers['x-aws-ec2-metadata-token-ttl-seconds'] === undefined) return { status: 400, body: '' }
      this.#metadataToken = randomUUID()
      return { status: 200, body: this.#metadataToken }
    }
    if (headers['x-aws-ec2-metadata-token'] !== this.#metadataToken) return { status: 401, body: '' }
    const base = 'GET /latest/meta-data/iam/security-credentials'
    if (what === `${base}/`) return { status: 200, body: ROLE }
    if (what !== `${base}/${ROLE}`) return NOT_FOUND
    const { accessKeyId, secretAccessKey, sessionToken } = this.#grant()
    const [now, end] = [0, HOUR_MS].map((ms) => new Date(Date.now() + ms).toISOString())
    const granted = { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken }
    const times = { LastUpdated: now, Expiration: end }
    return { status: 200, body: JSON.stringify({ Code: 'Success', Type: 'AWS-HMAC', ...granted, ...times }) }
  }

  #sts(request: IncomingMessage, body: string): Answer {
    const parameters = new URLSearchParams(body)
    const role = parameters.get('RoleArn') ?? ''
    this.requests.push(`${parameters.get('Action') ?? ''} ${role}`)
    try {
      const asked = { method: 'POST', path: request.url ?? '/', headers: plainHeaders(request), body }
      signerOf(asked, this.ec2.credentials, systemClock, 'sts')
      if (parameters.get('Action') !== 'AssumeRole') refuse('InvalidAction', 'the double has only AssumeRole')
      if (this.closedRoles.has(role))
        throw new Ec2Error(
          'AccessDenied',
          `User: arn:aws:iam::${ACCOUNT}:user/ci is not authorized to perform: sts:AssumeRole on resource: ${role}`,
          403,
        )
      return { status: 200, body: this.#assumed(role, parameters.get('RoleSessionName') ?? '') }
    } catch (error) {
      if (!(error instanceof Ec2Error)) throw error
      const { status, code, message } = error
      return {
        status,
        body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
      }
    }
  }

  #assumed(role: string, session: string): string {
    const { accessKeyId, secretAccessKey, sessionToken = '' } = this.#grant()
    const end = new Date(Date.now() + HOUR_MS).toISOString()
    const credentials =
      `<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>` +
      `<SessionToken>${sessionToken}</SessionToken><Expiration>${end}</Expiration></Credentials>`
    const user = `<AssumedRoleUser><Arn>${role}/${session}</Arn><AssumedRoleId>AROADOUBLE:${session}</AssumedRoleId></AssumedRoleUser>`
    return (
      '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">' +
      `<AssumeRoleResult>${credentials}${user}</AssumeRoleResult></AssumeRoleResponse>`
    )
  }
}
