#!/usr/bin/env node
'use strict'
// The name we were called by decides the profile; nothing below looks at argv[1] again.
const { existsSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { hotForm, useOf } = require('./hot-forms.cjs')
const load = require('./load.cjs')

forgetInCoreFiles()
const given = process.env.TSMACHINE_CALLED_AS // a .cmd shim has no other way to say it
delete process.env.TSMACHINE_CALLED_AS
const calledAs = path.basename(given || process.argv[1] || 'tsmachine').replace(/\.(cjs|js|exe)$/, '')
const argv = process.argv.slice(2)
// Hosts of plugins may pass on words of their own.
const isPlugin = calledAs.startsWith('docker-machine-driver-') || process.env.MACHINE_PLUGIN_TOKEN === '42'
const form = isPlugin ? undefined : hotForm(argv)

if (form && isPlain(process.env)) {
  load('fast', useOf.fast(form))
    .answerFast(form, argv, calledAs)
    .then((answered) => {
      if (answered === 'unsaid') program()
      // Node otherwise takes itself apart for a millisecond.
      else if (answered === 'said') process.exit()
    })
} else program()

function program() {
  load('main', useOf.program(isPlugin ? ['driver'] : argv)).run(argv, calledAs)
}

/** A core file, ours or a child's, would hold the tokens and keys that we work with: only where the program stood stays in it. */
function forgetInCoreFiles() {
  if (process.platform !== 'linux') return
  try {
    writeFileSync('/proc/self/coredump_filter', '0')
  } catch {
    // A kernel without core files, or a /proc that nobody writes to.
  }
}

/** Nothing asks for more than the answer: no debug output, no plugin of the user whose hooks would have to run. */
function isPlain(env) {
  if (env.TSMACHINE_NO_FAST || env.MACHINE_DEBUG || env.DEBUG) return false
  if (env.TSMACHINE_DATA_DIR || process.platform === 'win32') return false
  const data = env.XDG_DATA_HOME || (env.HOME && path.join(env.HOME, '.local/share'))
  return data !== undefined && data !== '' && !existsSync(path.join(data, 'tsmachine', 'package.json'))
}
