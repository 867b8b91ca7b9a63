import { readFileSync } from 'node:fs'
import { OpenAPIBackend, type Document, type Operation, type Request } from 'openapi-backend'
import type { Json, JsonObject } from '../../../src/contracts/json.js'

const DOCUMENTS = new URL('../../fixtures/openapi/', import.meta.url)
/** Formats are not checked: the documents name some that no validator knows. */
const OPTIONS = {
  quick: true,
  strict: false,
  ajvOpts: { strict: false, logger: false, validateFormats: false, allErrors: false },
} as const

/** What was read once in this process: its checks are compiled as they are first used, which takes its time. */
const LOADED = new Map<string, Promise<Description>>()

/** A provider's API description, which every request and every answer of a double must fit. */
export class Description {
  private constructor(
    private readonly requests: OpenAPIBackend,
    private readonly answers: OpenAPIBackend,
  ) {}

  /** Requests are held to the document's letter (where it is known to be wrong, `mend` it); answers may have more members, and null where it names a type. */
  static load(
    file: string,
    apiRoot: string,
    mend: (document: JsonObject) => void = () => undefined,
  ): Promise<Description> {
    const loaded = LOADED.get(file) ?? Description.#read(file, apiRoot, mend)
    LOADED.set(file, loaded)
    return loaded
  }

  static async #read(
    file: string,
    apiRoot: string,
    mend: (document: JsonObject) => void,
  ): Promise<Description> {
    const text = readFileSync(new URL(file, DOCUMENTS), 'utf8')
    const open = async (definition: JsonObject): Promise<OpenAPIBackend> => {
      const backend = new OpenAPIBackend({
        definition: definition as unknown as Document,
        apiRoot,
        ...OPTIONS,
      })
      await backend.init()
      return backend
    }
    const [requests, answers] = [JSON.parse(text) as JsonObject, JSON.parse(text) as JsonObject]
    mend(requests)
    relax(answers)
    return new Description(await open(requests), await open(answers))
  }

  match(request: Request): Operation | undefined {
    return this.requests.router.matchOperation(request)
  }

  params(request: Request, operation: Operation): Record<string, string> {
    return this.requests.router.parseRequest(request, operation).params as Record<string, string>
  }

  /** Scopes that the operation asks of a token. */
  scopes(operation: Operation): readonly string[] {
    return (operation.security ?? []).flatMap((scheme) => Object.values(scheme).flat())
  }

  /** What is wrong with a request, as `/requestBody/name must be string`. */
  requestFaults(request: Request, operation: Operation): readonly string[] {
    const { errors } = this.requests.validateRequest(request, operation)
    return (errors ?? []).map(({ instancePath, message, params }) =>
      `${instancePath} ${message ?? ''} ${detail(params)}`.trim(),
    )
  }

  answerFaults(operation: string, status: number, body: Json | undefined): readonly string[] {
    const answers = this.answers.router.getOperation(operation)?.responses ?? {}
    const described = [`${status}`, `${Math.floor(status / 100)}XX`, 'default'].find((key) => key in answers)
    if (described === undefined || (described === 'default' && status < 400))
      return [`status ${status} is not described`]
    const validate =
      this.answers.validator.getStatusBasedResponseValidatorForOperation(operation)?.[described]
    if (!validate) return []
    if (validate(body ?? null)) return []
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`)
  }
}

function detail(params: unknown): string {
  const named = params as { missingProperty?: string; additionalProperty?: string; allowedValues?: unknown }
  if (named.additionalProperty !== undefined) return `(${named.additionalProperty})`
  return named.allowedValues === undefined ? '' : JSON.stringify(named.allowedValues)
}

const LISTS = ['allOf', 'anyOf', 'oneOf'] as const

/** Takes from every schema of a document what the live services are known not to keep to. */
function relax(document: JsonObject): void {
  const components = members(document['components'])
  for (const schema of values(components['schemas'])) relaxSchema(schema)
  for (const answer of values(components['responses'])) relaxAnswer(answer)
  for (const path of values(document['paths']))
    for (const operation of values(path))
      for (const answer of values(members(operation)['responses'])) relaxAnswer(answer)
}

function relaxAnswer(answer: Json): void {
  for (const content of values(members(answer)['content'])) relaxSchema(members(content)['schema'])
}

function relaxSchema(value: Json | undefined): void {
  if (value === undefined) return
  const schema: Record<string, Json> = members(value)
  if (schema['additionalProperties'] === false) delete schema['additionalProperties']
  relaxSchema(schema['additionalProperties'])
  relaxSchema(schema['items'])
  for (const property of values(schema['properties'])) relaxSchema(property)
  for (const list of LISTS) for (const part of values(schema[list])) relaxSchema(part)
  if ('oneOf' in schema) {
    schema['anyOf'] = schema['oneOf'] ?? []
    delete schema['oneOf']
  }
  if (typeof schema['type'] === 'string') schema['nullable'] = true
  if ('enum' in schema) schema['enum'] = [...values(schema['enum']), null]
}

function members(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

function values(value: Json | undefined): readonly Json[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : []
}
