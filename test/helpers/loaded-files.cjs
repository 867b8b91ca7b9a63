'use strict'
// Preloaded into the program: writes at its end which of its own files it loaded.
const { appendFileSync } = require('node:fs')
const { basename } = require('node:path')

process.on('exit', () => {
  const files = Object.keys(require.cache).filter((file) => /\/dist\//.test(file))
  appendFileSync(process.env.TEST_LOADED_FILES, `${files.map((file) => basename(file)).join(' ')}\n`)
})
