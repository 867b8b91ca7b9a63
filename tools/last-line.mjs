// `N passed, N failed` alone on the last line, however a test run ends. Preloaded (`node --import`), so that a runner that
// cannot even start counts as one failure.
export const total = { passed: 0, failed: 0, complete: false }

process.on('exit', () => {
  const failed = total.failed + (total.complete ? 0 : 1)
  if (failed > 0) process.exitCode ||= 1
  process.stdout.write(`${total.passed} passed, ${failed} failed\n`)
})
