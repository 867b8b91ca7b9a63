import { dialectOf, type KeptForm } from './shell-dialects.js'

/** What `env` answers for one machine, and how a shell sees that it still holds. */
export interface KeptEnvironment {
  readonly name: string
  readonly root: string
  readonly variables: readonly (readonly [name: string, value: string])[]
  readonly process?: { readonly pid: number; readonly startTime: string; readonly bootId: string }
}

/** Ends the file: without it the file is cut, or of a form that those who look for it do not know. */
export const LAST_LINE = 'end 1'

const FORMS: readonly KeptForm[] = ['sh', 'fish']

/** The file that shell functions read, one thing a line; undefined for values that a line cannot hold. */
export function shellEnvText({ name, root, variables, process }: KeptEnvironment): string | undefined {
  const lines = [
    ['root', root],
    ['name', name],
    ...(process
      ? [
          ['pid', String(process.pid)],
          ['start', process.startTime],
          ['boot', process.bootId],
        ]
      : []),
    ...FORMS.flatMap((form) => variables.map(([key, value]) => [form, dialectOf(form).set(key, value)])),
  ].map((words) => words.join(' '))
  if (lines.some((line) => /[\r\n\0]/.test(line))) return undefined
  return [...lines, LAST_LINE, ''].join('\n')
}
