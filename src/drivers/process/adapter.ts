import { spawnSync } from 'node:child_process'
import type {
  Diagnosis,
  Driver,
  DriverDeps,
  DriverEvent,
  DriverFactory,
  Endpoint,
  JsonObject,
  ParsedConfig,
} from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import type { MachineState } from '../../contracts/state.js'
import { checkedAnswer } from './answers.js'
import type { ChildProgram } from './child.js'
import { Conversation, type Deadlines } from './conversation.js'
import {
  errorFromText,
  LONGEST_MESSAGE,
  readFromChild,
  type Description,
  type FromChild,
} from './protocol.js'

/** How to start a driver's process, and how long it may take to answer. */
export interface ChildDriver extends ChildProgram {
  readonly deadlines?: Partial<Deadlines>
}

const DEADLINES: Deadlines = { callMs: 120_000, eventMs: 900_000, abortMs: 10_000, onceMs: 20_000 }
/** A console that is followed may be silent for long. */
const FOLLOW_MS = 24 * 3_600_000

/**
 * A driver that lives in a process of its own, as a factory like any other. `program` and `args` start something that
 * speaks `protocol.ts` (main.ts does). What the contract wants answered at once is asked of one short-lived child each.
 */
export function factoryFromProcess(
  child: ChildDriver,
  description: Description = describeInProcess(child),
): DriverFactory {
  const once = (call: string, args: readonly unknown[], cacheDir = ''): unknown =>
    askOnce(child, { call, args, cacheDir })
  const has = (member: string): boolean => description.has.includes(member)
  return {
    name: description.name,
    summary: description.summary,
    capabilities: description.capabilities,
    flags: description.flags,
    ...(description.powerRefusal === undefined ? {} : { powerRefusal: description.powerRefusal }),
    parse: (values) => once('parse', [values]) as ParsedConfig,
    record: {
      toFields: (config, resources) => once('toFields', [config, resources]) as JsonObject,
      fromFields: (fields, previous) =>
        once('fromFields', [fields, previous ?? null]) as ReturnType<DriverFactory['record']['fromFields']>,
    },
    ...(has('userData') ? { userData: (config) => once('userData', [config]) as JsonObject } : {}),
    ...(has('wantsBootImage')
      ? { wantsBootImage: (config) => once('wantsBootImage', [config]) === true }
      : {}),
    ...(has('seedsEngine') ? { seedsEngine: (config) => once('seedsEngine', [config]) === true } : {}),
    ...(has('seedUser') ? { seedUser: (config) => String(once('seedUser', [config])) } : {}),
    ...(has('clientKey') ? { clientKey: (config) => asText(once('clientKey', [config])) } : {}),
    ...(has('inventoryPlace')
      ? { inventoryPlace: (config) => asText(once('inventoryPlace', [config])) ?? '' }
      : {}),
    ...(has('hasCredentials')
      ? { hasCredentials: (values, env) => once('hasCredentials', [values, env]) === true }
      : {}),
    ...(has('ownUserData') ? { ownUserData: (config) => asTextOr(once('ownUserData', [config])) } : {}),
    ...(description.userDataLimit === undefined ? {} : { userDataLimit: description.userDataLimit }),
    ...(has('adopt')
      ? {
          adopt: (account, found) =>
            once('adopt', [account, found]) as ReturnType<NonNullable<DriverFactory['adopt']>>,
        }
      : {}),
    ...(has('login')
      ? { login: (config) => once('login', [config]) as ReturnType<NonNullable<DriverFactory['login']>> }
      : {}),
    ...(has('diagnose')
      ? {
          diagnose: async (deps, { probe, signal }) =>
            (await new Conversation(child, deadlines(child), deps).call(
              'diagnose',
              [probe],
              signal,
            )) as Diagnosis[],
        }
      : {}),
    open: async (deps) => await openDriver(child, once, deps),
  }
}

/** What the driver of a process says of itself. @throws its own error; MachineError `driver` when there is no answer */
export function describeInProcess(child: ChildDriver): Description {
  return askOnce(child, { call: 'describe', args: [], cacheDir: '' }) as Description
}

function asTextOr(value: unknown): string | { readonly text: string } | undefined {
  return typeof value === 'object' && value !== null ? (value as { text: string }) : asText(value)
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function deadlines(child: ChildDriver): Deadlines {
  return { ...DEADLINES, ...child.deadlines }
}

type Once = (call: string, args: readonly unknown[], cacheDir?: string) => unknown

async function openDriver(child: ChildDriver, once: Once, deps: DriverDeps): Promise<Driver> {
  const talk = new Conversation(child, deadlines(child), deps)
  const members = await talk.open()
  const events = (call: string, args: readonly unknown[], signal: AbortSignal): AsyncIterable<DriverEvent> =>
    talk.stream(call, args, signal) as AsyncIterable<DriverEvent>
  const all: Required<Driver> = {
    preflight: async (spec, signal) =>
      (await talk.call('preflight', [spec], signal)) as Awaited<ReturnType<Driver['preflight']>>,
    firstState: async (spec, signal) => String(await talk.call('firstState', [spec], signal)),
    create: (spec, signal) => events('create', [spec], signal),
    states: async (machines, signal) =>
      (await talk.call('states', [machines], signal)) as Awaited<ReturnType<Driver['states']>>,
    glance: async (machine, signal) =>
      (await talk.call('glance', [machine], signal)) as Awaited<ReturnType<NonNullable<Driver['glance']>>>,
    localState: (machine) => once('localState', [machine], deps.cacheDir) as MachineState,
    restsOn: (machine) =>
      (once('restsOn', [machine], deps.cacheDir) ?? undefined) as ReturnType<NonNullable<Driver['restsOn']>>,
    endpoint: (machine) => once('endpoint', [machine], deps.cacheDir) as Endpoint,
    start: (machine, image, signal) => events('start', [machine, image ?? null], signal),
    stop: (machine, signal) => events('stop', [machine], signal),
    kill: (machine, signal) => events('kill', [machine], signal),
    restart: (machine, signal) => events('restart', [machine], signal),
    suspend: (machine, signal) => events('suspend', [machine], signal),
    remove: (machine, signal) => events('remove', [machine], signal),
    console: (machine, { signal, ...options }) =>
      talk.stream(
        'console',
        [machine, options],
        signal ?? new AbortController().signal,
        options.follow ? FOLLOW_MS : undefined,
      ) as AsyncIterable<string>,
    seal: async (machine, seed) => {
      await talk.call('seal', [machine, seed])
    },
    patience: (machine) => once('patience', [machine], deps.cacheDir) as number,
    engineReady: (machine, client, signal) => events('engineReady', [machine, client], signal),
    forwards: async (machine) =>
      (await talk.call('forwards', [machine])) as Awaited<ReturnType<NonNullable<Driver['forwards']>>>,
    setAccess: (machine, access, signal) => events('setAccess', [machine, access], signal),
    places: async (account, signal) =>
      (await talk.call('places', [account], signal)) as Awaited<ReturnType<NonNullable<Driver['places']>>>,
    inventory: async (account, signal) =>
      (await talk.call('inventory', [account], signal)) as Awaited<
        ReturnType<NonNullable<Driver['inventory']>>
      >,
    label: async (machine, tags, signal) => {
      await talk.call('label', [machine, tags], signal)
    },
    addForward: async (machine, forward) => {
      await talk.call('addForward', [machine, forward])
    },
    removeForward: async (machine, forward) => {
      await talk.call('removeForward', [machine, forward])
    },
  }
  return pick(all, members)
}

/** Only the members that the driver in the child has: callers ask by their presence. */
function pick(all: Required<Driver>, members: readonly string[]): Driver {
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => members.includes(name)),
  ) as unknown as Driver
}

/** Starts a child for one request. @throws the driver's own error; MachineError `driver` when there is no answer that it may give */
function askOnce(
  child: ChildDriver,
  request: { call: string; args: readonly unknown[]; cacheDir: string },
): unknown {
  const result = spawnSync(child.program, [...child.args, '--once'], {
    input: JSON.stringify(request),
    env: { ...child.env },
    timeout: deadlines(child).onceMs,
    // It blocks us, and Ctrl-C with us, until the process is really gone.
    killSignal: 'SIGKILL',
    encoding: 'utf8',
    maxBuffer: LONGEST_MESSAGE,
  })
  const answer = lastAnswer(result.stdout ?? '')
  if (answer === undefined)
    throw noAnswer(child, request.call, result.stderr || (result.error?.message ?? ''))
  if ('error' in answer) throw errorFromText(answer.error)
  return checkedAnswer(child.name, request.call, answer.value ?? undefined)
}

type Answer = Extract<FromChild, { value: unknown } | { error: unknown }>

/** The driver may print before it, and at its end. */
function lastAnswer(stdout: string): Answer | undefined {
  const messages = stdout.split('\n').flatMap((line) => readFromChild(line) ?? [])
  return messages.findLast((message) => 'value' in message || 'error' in message)
}

function noAnswer(child: ChildDriver, call: string, evidence: string): MachineError {
  return new MachineError('driver', `The process of the ${child.name} driver gave no answer to ${call}`, {
    ...(evidence.trim() === '' ? {} : { evidence: evidence.trim().slice(-4_000) }),
  })
}
