#!/usr/bin/env node
// A driver plugin that speaks JSON lines instead of gob, for tests of how plugin processes are started, used and
// ended. PLUGIN_DOUBLE says how it behaves: see `Behaviour` in index.ts.
const { appendFileSync, readFileSync } = require('node:fs')
const { createServer } = require('node:net')

const behaviour = JSON.parse(process.env.PLUGIN_DOUBLE ?? '{}')
const { journal, hang = [], slowMs = {}, errors = {}, dieAt = {}, dropAt = [], ignores = [] } = behaviour
let state = {}
let lastBeat = Date.now()

function note(entry) {
  if (journal) appendFileSync(journal, `${JSON.stringify({ pid: process.pid, ...entry })}\n`)
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** How many of us run now: counted by each at its start, when nobody can have died unseen. */
function countAlive() {
  if (!journal) return 0
  const lines = readFileSync(journal, 'utf8').split('\n').filter(Boolean)
  return new Set(lines.map((line) => JSON.parse(line).pid).filter(isAlive)).size
}

const answers = {
  GetVersion: () => behaviour.version ?? 1,
  SetConfigRaw: (text) => void (state = { ...state, ...JSON.parse(text) }),
  GetConfigRaw: () => JSON.stringify(state),
  GetMachineName: () => state.MachineName,
  GetState: () => 1,
  Create: () => void (state = { ...state, made: true }),
}

async function answer(method, argument) {
  note({ call: method })
  if (method === 'Heartbeat') lastBeat = Date.now()
  if (method in dieAt) process.exit(dieAt[method])
  if (method === 'Close' && !ignores.includes('Close')) setImmediate(() => process.exit(0))
  if (hang.includes(method)) return await new Promise(() => undefined)
  await new Promise((resolve) => setTimeout(resolve, slowMs[method] ?? 0))
  if (method in errors) throw new Error(errors[method])
  const value = answers[method]?.(argument)
  note({ done: method })
  return value
}

function serve(socket) {
  let rest = ''
  socket.on('error', () => undefined)
  socket.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const { id, method, argument } of lines.map((line) => JSON.parse(line))) {
      if (dropAt.includes(method)) return socket.destroy()
      answer(method, argument).then(
        (reply) => socket.write(`${JSON.stringify({ id, reply })}\n`),
        (error) => socket.write(`${JSON.stringify({ id, error: error.message })}\n`),
      )
    }
  })
}

function chatter() {
  const { longLine = 0, flood = 0 } = behaviour
  if (longLine > 0) process.stdout.write(`${'x'.repeat(longLine)}\nafter the long line\n`)
  for (let line = 0; line < flood; line++) {
    process.stdout.write(`out ${line} ${'o'.repeat(100)}\n`)
    process.stderr.write(`err ${line} ${'e'.repeat(100)}\n`)
  }
}

note({ started: process.env.MACHINE_PLUGIN_DRIVER_NAME, env: process.env })
note({ alive: countAlive() })
process.on('exit', (status) => note({ ended: status }))
if (ignores.includes('SIGTERM')) process.on('SIGTERM', () => note({ signal: 'SIGTERM' }))
if (behaviour.stderr) process.stderr.write(`${behaviour.stderr}\n`)
if (behaviour.exit !== undefined) process.exitCode = behaviour.exit
else {
  setInterval(() => Date.now() - lastBeat > (behaviour.silentMs ?? 10_000) && process.exit(1), 100)
  const server = createServer(serve).listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    if (behaviour.address !== false) process.stdout.write(`${behaviour.address ?? `127.0.0.1:${port}`}\n`)
    chatter()
  })
}
