/** What an engine answers, and what Docker's own files say: a host that was taken over writes the first, anybody the second. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { wantedRows } from '../../../src/drivers/qemu/forwarder.js'
import { readContainers } from '../../../src/engine/containers.js'
import { ContextFiles } from '../../../src/engine/context-files.js'
import { DockerContexts } from '../../../src/engine/contexts.js'
import { currentContext, setCurrentContext } from '../../../src/engine/docker-config.js'
import { type ContainerEvent, parseEvents } from '../../../src/engine/events.js'
import { isAsWanted } from '../../../src/engine/run-container.js'
import { configuredHelper, isHelperName } from '../../../src/store/credential-helper.js'
import { forAll, hostileJson, hostileText, INHERITED_KEYS, refusedOrLater } from '../../helpers/properties.js'

const PORT = { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }
const CONTAINER = { Id: 'c1', Names: ['/web'], Image: 'nginx', State: 'running', Ports: [PORT] }
const EVENT = { Action: 'start', time: 1, Actor: { ID: 'c1', Attributes: { name: 'web' } } }

/** A document of ours with one value exchanged, or another document. */
function nearly(good: Readonly<Record<string, unknown>>): fc.Arbitrary<unknown> {
  const keys = Object.keys(good)
  const value = hostileJson(...keys)
  const changed = fc.tuple(fc.constantFrom(...keys), value).map(([key, other]) => ({ ...good, [key]: other }))
  return fc.oneof({ weight: 3, arbitrary: changed }, value)
}

t.test('ports that containers publish are numbers: they become words of a command for QEMU', async (t) => {
  const containers = fc.oneof(
    nearly(CONTAINER),
    nearly(PORT).map((port) => ({ ...CONTAINER, Ports: [port] })),
  )
  const examples = [
    ['80-10.0.2.15:22 ', '0', '1e3', 80.5, -1, 65_536, true, ['80'], { valueOf: 80 }].map((PublicPort) => ({
      ...CONTAINER,
      Ports: [{ ...PORT, PublicPort }],
    })),
    { ...CONTAINER, Names: [7], Ports: [null, 7, 'x'] },
    null,
  ]
  const isPort = (port: unknown): boolean =>
    Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536
  const texts = ['id', 'name', 'image', 'state'] as const
  await forAll(
    t,
    'containers',
    fc.oneof(
      hostileJson(),
      containers.map((one) => [one]),
    ),
    (answer) => {
      for (const container of readContainers(answer)) {
        if (texts.some((key) => typeof container[key] !== 'string'))
          throw new Error(JSON.stringify(container))
        for (const { publicPort, privatePort, ip } of container.ports)
          if (!isPort(publicPort) || !isPort(privatePort) || typeof ip !== 'string')
            throw new Error(JSON.stringify(container))
        wantedRows(
          container.ports.map(({ protocol, ip, publicPort }) => ({
            ...{ container: container.name, protocol, address: ip, port: publicPort },
          })),
        )
      }
    },
    { examples },
  )
  t.match(readContainers([CONTAINER]), [{ id: 'c1', name: 'web', ports: [{ publicPort: 8080 }] }])
})

async function* cutAt(text: string, step: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += step) yield await Promise.resolve(text.slice(at, at + step))
}

async function eventsOf(text: string, step = 1_000): Promise<readonly ContainerEvent[]> {
  const events: ContainerEvent[] = []
  for await (const event of parseEvents(cutAt(text, step), 'web:2376')) events.push(event)
  return events
}

t.test('any line of a stream of events is an event, or is passed over', async (t) => {
  const lines = fc.oneof(
    hostileText('{"Action":', '"Actor":', '}', '\n'),
    nearly(EVENT).map((value) => JSON.stringify(value)),
  )
  const examples = ['null', '7', '[]', '{"Action":7,"Actor":{"ID":"a"}}', '{"Action":"a","Actor":{"ID":{}}}']
  const good = JSON.stringify(EVENT)
  await forAll(
    t,
    'events',
    lines,
    async (line) => {
      const events = await eventsOf(`${line}\n${good}\n`)
      if (events.at(-1)?.id !== 'c1') throw new Error('the event behind it was lost')
      for (const { action, id, name, time } of events)
        if ([action, id, name].some((text) => typeof text !== 'string') || typeof time !== 'number')
          throw new Error(JSON.stringify(events))
    },
    { examples },
  )
  t.equal((await eventsOf(`${good}\n${good}\n`, 1)).length, 2, 'cut anywhere')
})

t.test('an event without end is not kept', async (t) => {
  let sent = 0
  async function* endless(): AsyncGenerator<string> {
    for (; sent < 64; sent++) yield await Promise.resolve('x'.repeat(1024 * 1024))
  }
  await t.rejects(parseEvents(endless(), 'web:2376').next(), { code: 'engine', message: /without end/ })
  t.ok(sent < 10, `${sent} MiB`)
})

t.test('what an engine says of a container is as wanted, or is not', async (t) => {
  const wanted = { name: 'a', image: 'i', cmd: ['x'], env: ['A=1'], binds: ['/a:/b'], ports: [1] }
  const config = { Image: 'i', Cmd: ['x'], Env: ['A=1', 'B=2'] }
  const good = { Config: config, HostConfig: { Binds: ['/a:/b'] }, State: { Running: true } }
  t.equal(isAsWanted(good, wanted), true)
  const values = fc.oneof(
    nearly(good),
    nearly(config).map((Config) => ({ ...good, Config })),
  )
  await forAll(t, 'isAsWanted', values, (value) => typeof isAsWanted(value, wanted) === 'boolean', {
    examples: [
      { ...good, Config: { ...config, Env: 7 } },
      { ...good, Config: { ...config, Env: 'A=1' } },
      null,
    ],
  })
  t.equal(isAsWanted({ ...good, Config: { ...config, Env: 'A=1' } }, wanted), false, 'a text is no list')
})

t.test("Docker's config.json: read or refused, and what we do not know stays as it is", async (t) => {
  const dir = t.testdir({})
  const path = join(dir, 'config.json')
  const texts = fc.oneof(
    hostileText('{"currentContext":', '{"credsStore":', '}'),
    hostileJson('currentContext', 'credsStore', 'auths').map((value) => JSON.stringify(value)),
  )
  await forAll(
    t,
    'config.json',
    texts,
    async (given) => {
      writeFileSync(path, given)
      // Half a character is another one on the disk.
      const text = readFileSync(path, 'utf8')
      const helper = configuredHelper(dir)
      if (helper !== undefined && !isHelperName(helper)) throw new Error(helper)
      const before = await refusedOrLater(() => currentContext(dir))
      const done = await refusedOrLater(async () => {
        await setCurrentContext(dir, 'web')
        return true
      })
      if ((before === undefined) !== (done === undefined)) throw new Error('it is read but not written')
      if (!done) return readFileSync(path, 'utf8') === text
      const others = (json: string): string => {
        const entries = Object.entries(JSON.parse(json.trim() || '{}') as object)
        return JSON.stringify(entries.filter(([key]) => key !== 'currentContext'))
      }
      if (others(readFileSync(path, 'utf8')) !== others(text)) throw new Error('other keys were changed')
      return (await currentContext(dir)) === 'web'
    },
    { slower: 2, examples: INHERITED_KEYS.map((key) => `{"${key}":{"a":1},"currentContext":"x"}`) },
  )
})

t.test("a context's file: ours only with our mark, whatever it holds", async (t) => {
  const dir = t.testdir({ store: {}, bin: { docker: '#!/bin/sh\n' } })
  const folder = join(dir, 'contexts', 'meta', createHash('sha256').update('web').digest('hex'))
  mkdirSync(folder, { recursive: true })
  const owner = { storeId: 's', machineId: 'm' }
  const good = {
    Name: 'web',
    Metadata: { tsmachine: { store: 's', machine: 'm' } },
    Endpoints: { docker: { Host: 'tcp://192.0.2.1:2376' } },
  }
  const values = fc.oneof(
    nearly(good),
    hostileJson('store', 'machine').map((tsmachine) => ({ ...good, Metadata: { tsmachine } })),
  )
  const contexts = new DockerContexts({ configDir: dir, storeRoot: join(dir, 'store'), env: {} })
  const files = new ContextFiles(dir)
  await forAll(
    t,
    'meta.json',
    values,
    async (value) => {
      writeFileSync(join(folder, 'meta.json'), JSON.stringify(value))
      const meta = await files.read('web')
      for (const part of [meta?.Metadata, meta?.Endpoints])
        if (part !== undefined && (typeof part !== 'object' || Array.isArray(part)))
          throw new Error(String(part))
      const { store, machine } = (meta?.Metadata['tsmachine'] ?? {}) as Record<string, unknown>
      const isOurs = store === 's' && machine === 'm'
      const removed = await refusedOrLater(() => contexts.remove(owner, 'web'))
      mkdirSync(folder, { recursive: true })
      return (removed === 'web') === isOurs || meta === undefined
    },
    { slower: 2, examples: [good, { ...good, Metadata: null }, { ...good, Endpoints: 'abc' }, null] },
  )
})
