'use strict'
// Loads dist/main.cjs with what V8 made of it the last time (half of the time that a start takes).
const fs = require('node:fs')
const module_ = require('node:module')
const path = require('node:path')

const FILE = path.resolve(__dirname, '../dist/main.cjs')
/** In front of V8's data: which text it belongs to. */
const HEAD_BYTES = 128

module.exports = () => {
  // Node 22 and later do it themselves.
  if (module_.enableCompileCache) module_.enableCompileCache()
  else if (!process.env.NODE_DISABLE_COMPILE_CACHE) return withOwnCache()
  return require(FILE)
}

/** What the file exports. */
function withOwnCache() {
  const vm = require('node:vm')
  const { size, mtimeMs } = fs.statSync(FILE)
  const key = `${size} ${mtimeMs} ${process.versions.v8} ${process.arch}`
  const cache = cacheFile()
  const cachedData = read(cache, key)
  // The bundler leaves nothing in it that is not ASCII.
  const text = fs.readFileSync(FILE, 'latin1')
  const script = new vm.Script(module_.wrap(text), { filename: FILE, cachedData })
  if (cachedData === undefined || script.cachedDataRejected)
    process.once('exit', () => write(cache, key, script.createCachedData()))
  const made = new module_.Module(FILE, module)
  made.filename = FILE
  made.paths = module.paths
  require.cache[FILE] = made
  script
    .runInThisContext()
    .call(made.exports, made.exports, module_.createRequire(FILE), made, FILE, path.dirname(FILE))
  made.loaded = true
  return made.exports
}

/** One file for each place that the program is in and each V8. */
function cacheFile() {
  const { HOME, XDG_CACHE_HOME } = process.env
  const home = HOME || require('node:os').homedir()
  let place = 0
  for (let at = 0; at < FILE.length; at++) place = (Math.imul(place, 31) + FILE.charCodeAt(at)) >>> 0
  const name = `main-${process.versions.v8}-${place.toString(16)}`
  return path.join(XDG_CACHE_HOME || path.join(home, '.cache'), 'tsmachine', 'code', name)
}

/** It is code: a file that somebody else could have written counts as none (`sudo` may keep the user's HOME). */
function read(file, key) {
  let fd
  try {
    fd = fs.openSync(file, 'r')
    const { uid, mode, size } = fs.fstatSync(fd)
    if (process.getuid && (uid !== process.getuid() || (mode & 0o022) !== 0)) return undefined
    const data = Buffer.allocUnsafeSlow(size)
    if (fs.readSync(fd, data) !== size) return undefined
    return data.toString('latin1', 0, HEAD_BYTES).trimEnd() === key ? data.subarray(HEAD_BYTES) : undefined
  } catch {
    return undefined
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
