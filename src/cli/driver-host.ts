/**
 * The program in which a driver package runs: `node host.js FILE [--once]`. With `--once` one request is read and
 * answered; without, requests are served until stdin ends.
 */
import { register } from 'node:module'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { MachineError, messageOf } from '../contracts/errors.js'
import { driverOf, type PackageDescription } from '../drivers/package/check.js'
import type { DriverPackage } from '../drivers/package/kit/define.js'
import { describe } from '../drivers/process/calls.js'
import { errorText, LineCutter, messageLine, readMessage } from '../drivers/process/protocol.js'
import { answerOnce, DriverServer } from '../drivers/process/server.js'

/** Milliseconds that a driver gets to put its things in order once our parent has gone. */
const LAST_MS = 10_000

const [file = '', once] = process.argv.slice(2)

async function main(): Promise<void> {
  lendKit()
  const loaded = load().catch((error: unknown) => ({ error }))
  if (once === '--once') return end(await answered(await text(process.stdin), await loaded))
  const driver = await loaded
  if ('error' in driver) await refuseAll(driver.error)
  else await new DriverServer(driver.factory, process.stdout).serve(process.stdin)
  // What a driver leaves open would keep the process alive for ever.
  setTimeout(() => process.exit(0), LAST_MS).unref()
}

/** Drivers get the kit of the program that runs them, wherever they are installed. */
function lendKit(): void {
  const ours = {
    'tsmachine/driver': new URL('./index.js', import.meta.url).href,
    'tsmachine/driver/testing': new URL('./testing.js', import.meta.url).href,
  }
  const hooks = `const ours = ${JSON.stringify(ours)}
export const resolve = (name, context, next) =>
  Object.hasOwn(ours, name) ? { url: ours[name], shortCircuit: true } : next(name, context)`
  register(`data:text/javascript,${encodeURIComponent(hooks)}`)
}

async function load(): Promise<DriverPackage> {
  let exports: Readonly<Record<string, unknown>>
  try {
    exports = (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    throw new MachineError('driver', `${file} cannot be loaded: ${messageOf(error)}`, {
      ...(error instanceof Error ? { evidence: ownLines(error) } : {}),
      cause: error,
    })
  }
  return driverOf(exports, file)
}

/** Where it failed, without what lies between us and the package. */
function ownLines({ stack = '' }: Error): string {
  return stack
    .split('\n')
    .filter((line) => !/\b(node:internal|data:text)/.test(line))
    .join('\n')
}

type Loaded = DriverPackage | { readonly error: unknown }

async function answered(line: string, loaded: Loaded): Promise<string> {
  if ('error' in loaded) return JSON.stringify({ id: 0, error: errorText(loaded.error) })
  const { call } = readMessage(line) as { readonly call: string }
  if (call === 'describe') return JSON.stringify({ id: 0, value: described(loaded) })
  return await answerOnce(loaded.factory, line)
}

function described({ contract, factory }: DriverPackage): PackageDescription {
  return { ...describe(factory), contract, hasStandardEndpoint: factory.hasStandardEndpoint === true }
}

/** A driver that cannot be loaded answers every request with why. */
async function refuseAll(error: unknown): Promise<void> {
  const lines = new LineCutter((line) => {
    const { id } = (readMessage(line) ?? {}) as { readonly id?: number }
    if (id !== undefined) process.stdout.write(messageLine({ id, error: errorText(error) }))
  })
  process.stdin.setEncoding('utf8')
  for await (const part of process.stdin) lines.add(String(part))
}

/** On a line of its own, whatever the driver has printed. */
function end(answer: string): void {
  process.stdout.write(`\n${answer}\n`, () => process.exit(0))
}

await main()
