'use strict'
// The command lines that dist/fast.cjs answers: exactly these words. Anything else is for the whole program.

/** By verb: how many names it takes, and its plain flags with what stands for them. */
const FORMS = {
  active: { names: 0, flags: {} },
  config: { names: 1, flags: {} },
  env: {
    names: 1,
    flags: {
      '--shell': { name: 'shell', value: true },
      '--no-proxy': { name: 'no-proxy' },
      '--unset': { name: 'unset' },
      '-u': { name: 'unset' },
    },
  },
  inspect: {
    names: 1,
    flags: { '--format': { name: 'format', value: true }, '-f': { name: 'format', value: true } },
  },
  ip: { names: 1, flags: {} },
  ls: { names: 0, flags: { '-q': { name: 'quiet' }, '--quiet': { name: 'quiet' } }, wants: 'quiet' },
  url: { names: 1, flags: {} },
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9.-]*$/

/** What a command line says; undefined when it is none of these. */
function hotForm([verb, ...words]) {
  const form = Object.hasOwn(FORMS, verb) ? FORMS[verb] : undefined
  if (form === undefined) return undefined
  const names = []
  const flags = {}
  for (let at = 0; at < words.length; at++) {
    const flag = Object.hasOwn(form.flags, words[at]) ? form.flags[words[at]] : undefined
    if (flag === undefined) {
      if (!NAME.test(words[at])) return undefined
      names.push(words[at])
    } else {
      // Twice, or a value that may be another flag: not plain.
      if (flag.name in flags || (flag.value && !/^[^-]/.test(words[at + 1] ?? ''))) return undefined
      flags[flag.name] = flag.value ? words[++at] : true
    }
  }
  return names.length <= form.names && (!form.wants || flags[form.wants]) ? { verb, names, flags } : undefined
}

/** Names what a run compiles of the small file, or of the whole program: it is of no use to runs of other names. */
const useOf = {
  fast: ({ verb, flags }) => ['fast', verb, ...Object.keys(flags)].join('-'),
  program([verb = '', ...words]) {
    const help = words.includes('--help') || words.includes('-h') ? '-help' : ''
    return /^[a-z-]{1,24}$/.test(verb) ? `main-${verb}${help}` : 'main'
  },
}

module.exports = { FORMS, hotForm, useOf }
