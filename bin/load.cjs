'use strict'
// Loads a file of dist/ with what V8 made of it the last time (half of the time that a start takes).
const fs = require('node:fs')
const path = require('node:path')

/** As `node:module`, which takes a while to load as one's own. */
const Module = module.constructor

const DIST = path.resolve(__dirname, '../dist')
/** In front of V8's data: which text it belongs to, and in how many runs it was gathered. */
const HEAD_BYTES = 128
/** One run does not come by all that a use needs; after so many, what the next one compiles is its own affair. */
const GATHERING_RUNS = 3
const WRONG_USE = 2

/** What `dist/NAME.cjs` exports. What was compiled is kept for each `use` of it: no more is read than it needs. */
module.exports = (name, use = name) => {
  const file = path.join(DIST, `${name}.cjs`)
  // Node 22 and later do it themselves.
  if (Module.enableCompileCache) Module.enableCompileCache()
  else if (!process.env.NODE_DISABLE_COMPILE_CACHE) return withOwnCache(file, use)
  return require(file)
}

function withOwnCache(source, use) {
  const vm = require('node:vm')
  const { size, mtimeMs } = fs.statSync(source)
  const key = `${size} ${mtimeMs} ${process.versions.v8} ${process.arch}`
  const file = cacheFile(use)
  if (file === undefined) return require(source)
  const { data, runs } = read(file, key)
  // The bundler leaves nothing in it that is not ASCII.
  const text = fs.readFileSync(source, 'latin1')
  const script = new vm.Script(Module.wrap(text), { filename: source, cachedData: data })
  const gathered = script.cachedDataRejected ? 0 : runs
  if (gathered < GATHERING_RUNS)
    process.once('exit', (code) => {
      // Words that mean nothing are not a use.
      if (code !== WRONG_USE) write(file, `${key} ${gathered + 1}`, script.createCachedData())
    })
  const made = new Module(source, module)
  made.filename = source
  made.paths = module.paths
  require.cache[source] = made
  script.runInThisContext().call(made.exports, made.exports, Module.createRequire(source), made, source, DIST)
  made.loaded = true
  return made.exports
}

/** One file for each use and place that the program is in: what another V8 left there is replaced. */
function cacheFile(use) {
  const cache = cacheHome()
  if (cache === undefined) return undefined
  let place = 0
  for (let at = 0; at < DIST.length; at++) place = (Math.imul(place, 31) + DIST.charCodeAt(at)) >>> 0
  return path.join(cache, 'tsmachine/code', `${use}-${place.toString(16)}`)
}

/** Undefined without a home: what needs one says so later, in better words. */
function cacheHome() {
  const { HOME, XDG_CACHE_HOME } = process.env
  if (XDG_CACHE_HOME || HOME) return XDG_CACHE_HOME || path.join(HOME, '.cache')
  try {
    const os = require('node:os')
    return path.join(os.homedir() || os.userInfo().homedir, '.cache')
  } catch {
    return undefined
  }
}

const NOTHING = { data: undefined, runs: 0 }

/** It is code: a file that somebody else could have written counts as none (`sudo` may keep the user's HOME). */
function read(file, key) {
  let fd
  try {
    fd = fs.openSync(file, 'r')
    const { uid, mode, size } = fs.fstatSync(fd)
    if (process.getuid && (uid !== process.getuid() || (mode & 0o022) !== 0)) return NOTHING
    const data = Buffer.allocUnsafeSlow(size)
    if (fs.readSync(fd, data) !== size) return NOTHING
    const head = data.toString('latin1', 0, HEAD_BYTES).trimEnd()
    const runs = Number(head.slice(key.length))
    return head.startsWith(`${key} `) && runs > 0 ? { data: data.subarray(HEAD_BYTES), runs } : NOTHING
  } catch {
    return NOTHING
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

/** Nobody ever reads half of it; where it cannot be written, the next start takes longer. */
function write(file, key, data) {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    const fd = fs.openSync(temporary, 'wx', 0o600)
    try {
      fs.writeSync(fd, key.padEnd(HEAD_BYTES))
      for (let at = 0; at < data.length;) at += fs.writeSync(fd, data, at)
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
    fs.renameSync(temporary, file)
  } catch {
    try {
      fs.unlinkSync(temporary)
    } catch {
      // It was never made.
    }
  }
}
