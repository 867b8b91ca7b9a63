// Reporter for tap: a line per test file, what tests say (`t.comment`), failures in full, and `N passed, N failed` alone on the
// last line. Counts are of single assertions; a file that crashes, times out or asserts nothing counts as one failure.
import { writeFileSync } from 'node:fs'
import { Transform } from 'node:stream'
import { Parser } from 'tap-parser'

const MOST_EVIDENCE = 3_000

export default class Reporter extends Transform {
  #counts = { passed: 0, failed: 0, skipped: 0 }
  #parser = new Parser()

  constructor() {
    super()
    this.#parser.on('pass', () => this.#counts.passed++)
    this.#parser.on('fail', (result) => this.#fail(result))
    this.#parser.on('skip', (result) => this.#skip(result))
    this.#parser.on('todo', (result) => this.#skip(result))
    this.#parser.on('child', (file) => {
      this.#listen(file)
      file.on('complete', (results) => this.#file(file, results))
    })
    // After everything else that tap prints on its way out.
    process.on('exit', () => this.#end())
  }

  _transform(chunk, _encoding, done) {
    this.#parser.write(chunk)
    done()
  }

  _flush(done) {
    this.#parser.end()
    done()
  }

  /** Comments of tests, however deep; tap has some of its own. */
  #listen(test) {
    test.on('child', (inner) => this.#listen(inner))
    test.on('comment', (text) => {
      if (!/^# (Subtest|time=)/.test(text)) this.push(text.replace(/^# /, '       '))
    })
  }

  #fail(result) {
    this.#counts.failed++
    this.push(`not ok: ${result.fullname || result.name}\n${describe(result.diag)}`)
  }

  #skip(result) {
    if (result.skip === 'no tests found') return this.#fail(result)
    this.#counts.skipped++
    this.push(`skipped: ${result.fullname || result.name}\n`)
  }

  #file(file, results) {
    const seconds = ((results.time ?? 0) / 1000).toFixed(1)
    const good = results.ok && results.count > 0
    this.push(
      `${good ? 'ok    ' : 'FAILED'} ${file.name} (${results.pass} of ${results.count} groups, ${seconds} s)\n`,
    )
    // Now already: a runner that is killed does not come to its end.
    this.#save()
  }

  #end() {
    const { passed, failed } = this.#counts
    if (passed + failed === 0) this.#counts.failed++
    if (this.#counts.failed > 0) process.exitCode ||= 1
    this.#save()
    if (!process.env.TSMACHINE_COUNTS)
      process.stdout.write(`${passed} passed, ${this.#counts.failed} failed\n`)
  }

  #save() {
    if (process.env.TSMACHINE_COUNTS)
      writeFileSync(process.env.TSMACHINE_COUNTS, JSON.stringify(this.#counts))
  }
}

function describe(diag) {
  if (!diag) return ''
  const { diff, error, message, at, stack, source, exitCode, signal, timeout, ...rest } = diag
  const where = at?.fileName ? `at ${at.fileName}:${at.lineNumber}` : ''
  const end = [
    exitCode ? `exit code ${exitCode}` : '',
    signal ? `ended by ${signal}` : '',
    timeout ? `after ${timeout} ms` : '',
  ]
  const parts = [
    where,
    ...end,
    error,
    message,
    diff,
    rest.found && `found ${JSON.stringify(rest.found)}`,
    stack,
    // The last thing that was seen, where the error is one of ours: the console's end, the program's words.
    rest.evidence && `seen: ${String(rest.evidence).slice(-MOST_EVIDENCE)}`,
  ]
  return parts
    .filter(Boolean)
    .map((part) => String(part).replace(/^/gm, '    ').trimEnd() + '\n')
    .join('')
}
