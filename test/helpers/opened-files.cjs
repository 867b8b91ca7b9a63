/* Loaded first by a program: appends path and mode of each file that it makes, as they are before the first byte. */
const fs = require('node:fs')
const promises = require('node:fs/promises')

const log = process.env.TSMACHINE_TEST_OPENED
const { appendFileSync, fstatSync, openSync } = fs
const writes = (flags) => (typeof flags === 'number' ? (flags & 0o100) !== 0 : /[wax]/.test(flags ?? 'r'))
const note = (fd, path) => {
  const { mode } = fstatSync(fd)
  if (log && String(path) !== log && (mode & 0o170000) === 0o100000)
    appendFileSync(log, `${JSON.stringify({ path: String(path), mode: mode & 0o777 })}\n`)
}

const { open } = promises
promises.open = async (path, flags, mode) => {
  const handle = await open(path, flags, mode)
  if (writes(flags)) note(handle.fd, path)
  return handle
}
fs.openSync = (path, flags, mode) => {
  const fd = openSync(path, flags, mode)
  if (writes(flags)) note(fd, path)
  return fd
}
/* These open by themselves: they are told as they would be. */
const { umask } = process
for (const [at, names] of [
  [fs, ['writeFileSync', 'writeFile', 'createWriteStream']],
  [promises, ['writeFile']],
])
  for (const name of names) {
    const original = at[name]
    at[name] = function (...args) {
      const [path] = args
      const options = args.find(
        (arg, index) => index > 0 && typeof arg === 'object' && arg !== null && 'mode' in arg,
      )
      const isNew = typeof path === 'string' && path !== log && !fs.existsSync(path)
      if (log && isNew)
        appendFileSync(
          log,
          `${JSON.stringify({ path, mode: (options?.mode ?? 0o666) & ~umask.call(process), by: name })}\n`,
        )
      return original.apply(this, args)
    }
  }
