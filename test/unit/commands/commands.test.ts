import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { BaseCommand } from '../../../src/cli/base-command.js'
import { GLOBAL_FLAGS } from '../../../src/cli/global-flags.js'

const FOLDER = fileURLToPath(new URL('../../../src/commands', import.meta.url))
const LONGEST_RUN = 28

const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
)
const commands = await Promise.all(
  files.map(async (file) => {
    const module = (await import(join(FOLDER, file))) as { default: typeof BaseCommand }
    return { id: file.replace(/\.ts$/, '').replace('/', ' '), file, command: module.default }
  }),
)

t.test('every verb of the issue is a command', async (t) => {
  const verbs =
    'create ls env ssh ip url config inspect status active stop start restart kill rm provision version doctor use logs forward'
  const images = ['build', 'ls', 'inspect', 'import', 'rm', 'sources'].map((verb) => `image ${verb}`)
  const ids = commands.map(({ id }) => id)
  for (const verb of [...verbs.split(' '), ...images]) t.ok(ids.includes(verb), verb)
})

t.test('every command says what it is for, how it is typed, and shows examples that name it', async (t) => {
  for (const { id, command } of commands) {
    t.match(command.summary, /^[A-Z].*\.$/, `${id}: summary is a sentence`)
    t.match(command.usage, new RegExp(`^${id}( |$)`), `${id}: usage`)
    t.equal(command.strict, false, `${id}: takes its words itself`)
    const examples = (command.examples ?? []).map(String)
    t.ok(
      examples.length > 0 && examples.every((example) => example.includes(`bin %> ${id}`)),
      `${id}: examples`,
    )
  }
})

t.test('short flags of a command do not hide the global ones', async (t) => {
  const global = Object.values(GLOBAL_FLAGS).map((flag) => ('char' in flag ? flag.char : undefined))
  for (const { id, command } of commands) {
    const own = Object.values(command.flags ?? {}).map((flag) => flag.char)
    const chars = own.filter((char) => char !== undefined)
    t.equal(new Set(chars).size, chars.length, `${id}: each letter once`)
    t.notOk(
      chars.some((char) => global.includes(char)),
      id,
    )
    for (const [name, flag] of Object.entries(command.flags ?? {})) t.ok(flag.summary, `${id} --${name}`)
  }
})

t.test('commands only parse, call and show', async (t) => {
  for (const { id, file } of commands) {
    const text = readFileSync(join(FOLDER, file), 'utf8')
    const body = /override async run\(\): Promise<void> \{\n([\s\S]*?)\n {2}\}\n/.exec(text)?.[1] ?? ''
    const { length } = body.split('\n')
    t.ok(body !== '' && length <= LONGEST_RUN, `${id}: run has ${length} lines`)
  }
})
