import type { FileStep } from './steps.js'
import { file, TAG } from './steps.js'

/** Our lines in a file of shell assignments that belongs to somebody else: the rest of it stays as it is. */

const BEGIN = '# tsmachine: begin (rewritten when the machine is provisioned)'
const END = '# tsmachine: end'
const BLOCK = /^# tsmachine: begin\b.*\n(?:.*\n)*?# tsmachine: end(?:\n|$)/m

/** The file without our lines. */
export function withoutBlock(text: string): string {
  return text.replace(BLOCK, '')
}

/** The file with our lines at its end, where they count. */
export function withBlock(text: string, lines: readonly string[]): string {
  const own = withoutBlock(text)
  const joint = own === '' || own.endsWith('\n') ? own : `${own}\n`
  return `${joint}${[BEGIN, ...lines, END].join('\n')}\n`
}

/** A service's options with our addresses behind its own, and the environment, which root alone may read. */
export function optionsStep(path: string, text: string, lines: readonly string[]): FileStep {
  return {
    ...file(path, withBlock(text, lines), 'have the engine listen on the machine’s port', {
      tags: [TAG.engine],
    }),
    keepMode: true,
  }
}

/** Values reach the shell only through a file of single-quoted exports. */
export function readsEnvironment(path: string): string {
  return `[ ! -r ${path} ] || . ${path}`
}

const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?DOCKER_OPTS=(?:"((?:[^"\\]|\\[^])*)"|'([^']*)'|([^\s#;]*))/gm

/** The last value that the file itself gives DOCKER_OPTS, as it is written there. */
export function dockerOptions(text: string): string {
  const [, double, single, bare] = [...withoutBlock(text).matchAll(ASSIGNMENT)].at(-1) ?? []
  return (double ?? single ?? bare ?? '').replace(/\s+/g, ' ').trim()
}
