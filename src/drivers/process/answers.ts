/** What a driver in a process of its own may answer to each call: the contract's types, which nobody there has to keep. */
import { MachineError } from '../../contracts/errors.js'
import {
  anyObject,
  either,
  exactly,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  port,
  record,
  type Shape,
  text,
  variant,
} from './shape.js'

const STATE = oneOf(
  ...['Running', 'Paused', 'Saved', 'Stopped', 'Stopping', 'Starting', 'Error', 'Timeout', ''],
)

const RESOURCE = object({
  kind: text,
  key: text,
  id: optional(text),
  region: optional(text),
  tags: optional(record(text)),
  state: oneOf('intended', 'made', 'removed'),
  attributes: optional(anyObject),
})

const REPORT = object({ id: text, state: STATE, error: optional(text), address: optional(text) })

const LOGIN = { user: text, keyPath: optional(text) }

const FORWARD = object({
  protocol: oneOf('tcp', 'udp'),
  guestPort: port,
  hostPort: port,
  source: oneOf('ssh', 'engine', 'container', 'manual'),
  container: optional(text),
  error: optional(text),
})

const FOUND = object({
  resource: RESOURCE,
  name: text,
  createdAt: optional(text),
  monthlyPrice: optional(object({ amount: number, currency: text })),
  state: optional(STATE),
  shared: optional(flag),
  uses: optional(list(text)),
})

const ENDPOINT = object({
  address: text,
  ssh: optional(object({ host: text, port, user: text })),
  engine: object({ host: text, port }),
  enginePort: port,
  sans: list(text),
  url: optional(text),
})

const FLAG = object({
  name: text,
  key: text,
  type: oneOf('string', 'integer', 'boolean', 'list'),
  env: optional(text),
  moreEnv: optional(list(text)),
  summary: text,
  value: optional(text),
  options: optional(list(text)),
})

const EVENT = variant('type', {
  intent: object({ resource: RESOURCE }),
  made: object({ resource: RESOURCE }),
  removed: object({ kind: text, key: text, stays: optional(flag) }),
  state: object({ state: text, login: optional(object(LOGIN)) }),
  log: object({ level: oneOf('info', 'warn', 'debug'), text }),
  progress: object({ text, done: optional(number), total: optional(number) }),
})

/** A call that is not here may be answered with anything: the answer is made what it should be where it is used. */
const ANSWERS: Readonly<Record<string, Shape>> = {
  describe: object({
    name: text,
    summary: text,
    capabilities: anyObject,
    flags: list(FLAG),
    has: list(text),
  }),
  parse: either(
    object({ ok: exactly(false), faults: list(text) }),
    object({ ok: exactly(true), config: anyObject }),
  ),
  toFields: anyObject,
  userData: optional(anyObject),
  ownUserData: optional(either(text, object({ text }))),
  login: optional(object({ ...LOGIN, hostKey: optional(text), trustFirstUse: flag })),
  adopt: optional(object({ config: anyObject, resources: list(RESOURCE) })),
  diagnose: list(object({ check: text, ok: flag, text, hint: optional(text) })),
  preflight: list(object({ message: text, hint: optional(text) })),
  firstState: text,
  states: list(REPORT),
  glance: REPORT,
  localState: STATE,
  restsOn: optional(either(oneOf('record'), object({ pid: number, startTime: text, bootId: text }))),
  endpoint: ENDPOINT,
  patience: number,
  places: list(object({ key: text, config: anyObject })),
  inventory: list(FOUND),
  forwards: list(FORWARD),
  console: text,
  ...Object.fromEntries(
    ['create', 'start', 'stop', 'kill', 'restart', 'suspend', 'remove', 'setAccess', 'engineReady'].map(
      (call) => [call, EVENT],
    ),
  ),
}

/**
 * The answer, or the event, if it is what the contract says.
 * @throws MachineError `driver` saying where it is not; what it is instead is not told, as it may be a secret
 */
export function checkedAnswer(driver: string, call: string, value: unknown): unknown {
  const fault = ANSWERS[call]?.(value)
  if (fault === undefined) return value
  throw new MachineError(
    'driver',
    `The ${driver} driver gave ${call} an answer that the driver contract does not have: ${fault}`,
    {
      hints: [`It is a fault of the ${driver} driver: tell its author.`],
    },
  )
}
