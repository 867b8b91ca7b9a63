import t from 'tap'
import { detectShell, firstProgram } from '../../../src/cli/detect-shell.js'
import { commandLine, renderEnv } from '../../../src/ui/shell-env.js'

const set = [['DOCKER_HOST', 'tcp://192.0.2.1:2376']] as const
const script = { set, unset: [], commandLine: 'docker-machine env web', exactHints: true }
const removal = { set: [], unset: ['DOCKER_HOST'], commandLine: 'docker-machine env -u', exactHints: true }

/** docker-machine's own output, as recorded from it. */
const SHAPES: Readonly<Record<string, readonly [set: string, unset: string, first: string, second: string]>> =
  {
    bash: [
      'export DOCKER_HOST="tcp://192.0.2.1:2376"',
      'unset DOCKER_HOST',
      '# Run this command to configure your shell: ',
      '# eval $(X)',
    ],
    whatever: [
      'export DOCKER_HOST="tcp://192.0.2.1:2376"',
      'unset DOCKER_HOST',
      '# Run this command to configure your shell: ',
      '# eval $(X)',
    ],
    fish: [
      'set -gx DOCKER_HOST "tcp://192.0.2.1:2376";',
      'set -e DOCKER_HOST;',
      '# Run this command to configure your shell: ',
      '# eval (X)',
    ],
    powershell: [
      '$Env:DOCKER_HOST = "tcp://192.0.2.1:2376"',
      'Remove-Item Env:\\\\DOCKER_HOST',
      '# Run this command to configure your shell: ',
      '# & X | Invoke-Expression',
    ],
    cmd: [
      'SET DOCKER_HOST=tcp://192.0.2.1:2376',
      'SET DOCKER_HOST=',
      'REM Run this command to configure your shell: ',
      `REM \t@FOR /f "tokens=*" %i IN ('X') DO @%i`,
    ],
    tcsh: [
      'setenv DOCKER_HOST "tcp://192.0.2.1:2376";',
      'unsetenv DOCKER_HOST;',
      ': Run this command to configure your shell: ',
      ': eval `X`',
    ],
    emacs: [
      '(setenv "DOCKER_HOST" "tcp://192.0.2.1:2376")',
      '(setenv "DOCKER_HOST" nil)',
      ';; Run this command to configure your shell: ',
      ';; (with-temp-buffer (shell-command "X" (current-buffer)) (eval-buffer))',
    ],
  }

t.test("every shell gets docker-machine's exact lines", async (t) => {
  for (const [shell, [setting, unsetting, first, second]] of Object.entries(SHAPES)) {
    const hint = (command: string): string => `${first}\n${second.replace('X', () => command)}\n`
    t.equal(renderEnv(shell, script), `${setting}\n${hint('docker-machine env web')}`, shell)
    t.equal(renderEnv(shell, removal), `${unsetting}\n${hint('docker-machine env -u')}`, shell)
  }
})

t.test('our own hints keep values whole', async (t) => {
  const own = { ...script, exactHints: false }
  t.match(renderEnv('zsh', own), '# eval "$(docker-machine env web)"')
  t.match(renderEnv('fish', own), '# docker-machine env web | source')
})

t.test('other names of shells have their form, unknown ones that of sh', async (t) => {
  for (const [other, known] of [
    ['pwsh', 'powershell'],
    ['csh', 'tcsh'],
    ['nu', 'nushell'],
    ['ksh', 'sh'],
    ['constructor', 'sh'],
  ] as const)
    t.equal(renderEnv(other, script), renderEnv(known, script), other)
})

t.test('json and nushell are data', async (t) => {
  t.same(JSON.parse(renderEnv('json', script)), { DOCKER_HOST: 'tcp://192.0.2.1:2376' })
  t.same(JSON.parse(renderEnv('json', removal)), { DOCKER_HOST: null })
  t.same(JSON.parse(renderEnv('nushell', script)), { DOCKER_HOST: 'tcp://192.0.2.1:2376' })
  t.same(JSON.parse(renderEnv('nushell', removal)), ['DOCKER_HOST'])
})

const line = (shell: string, value: string): string | undefined =>
  renderEnv(shell, { ...script, set: [['K', value]] }).split('\n')[0]

t.test('shells that cannot run here get hostile values quoted by the book', async (t) => {
  t.equal(line('powershell', 'C:\\Users\\a b\\$x'), '$Env:K = "C:\\Users\\a b\\`$x"')
  t.equal(line('powershell', 'a"`$\u201d\n\r'), '$Env:K = "a`"```$`\u201d`n`r"')
  t.equal(line('cmd', 'C:\\Users\\a b'), 'SET K=C:\\Users\\a b')
  t.equal(line('cmd', 'C:\\R&D (x)^|<>'), 'SET "K=C:\\R&D (x)^|<>"')
  t.equal(line('cmd', '100%'), 'SET K=100%')
  t.equal(line('nushell', '{'), '{')
  t.same(JSON.parse(renderEnv('nu', { ...script, set: [['K', '"\\\n\u00fc']] })), { K: '"\\\n\u00fc' })
})

t.test('values that an eval without quotes would split or expand are put together by printf', async (t) => {
  for (const hostile of ['a*', 'a?', '[a]', 'a  b', 'a\tb', 'a\nb'])
    t.match(line('bash', hostile), /^export K="\$\(printf '/)
  t.equal(line('bash', '/a b/$x"`'), 'export K="/a b/\\$x\\"\\`"')
  t.equal(line('bash', "/a  b*%'\n\u00fc"), `export K="$(printf '/a \\040b\\052%%\\047\\012\u00fc')"`)
})

t.test('what a shell cannot hold is refused', async (t) => {
  for (const shell of ['cmd', 'tcsh']) t.throws(() => line(shell, '/a\nb'), { code: 'usage' }, shell)
  t.throws(() => line('sh', 'a\n'), { code: 'usage' }, 'a command substitution drops line breaks at the end')
})

t.test('the shell is what was said, else what $SHELL says, else who started us', async (t) => {
  const detect = async (
    env: Record<string, string>,
    more: { given?: string; platform?: string; parent?: string } = {},
  ): Promise<string | undefined> =>
    await detectShell({
      env,
      platform: more.platform ?? 'linux',
      given: more.given,
      parent: () => Promise.resolve(more.parent),
    })
  const windows = (parent?: string): { platform: string; parent?: string } => ({
    platform: 'win32',
    ...(parent === undefined ? {} : { parent }),
  })
  t.equal(await detect({ SHELL: '/bin/zsh' }, { given: 'fish' }), 'fish')
  t.equal(await detect({ SHELL: '/usr/bin/zsh' }), 'zsh')
  t.equal(await detect({ SHELL: '/bin/bash', __fish_bin_dir: '/x' }), 'fish')
  t.equal(await detect({}, { parent: 'bash' }), undefined)
  t.equal(await detect({ SHELL: 'C:\\Git\\usr\\bin\\bash.exe' }, windows('cmd.exe')), 'bash')
  t.equal(await detect({ PROMPT: '$P$G' }, windows('PowerShell.exe')), 'powershell')
  t.equal(await detect({ PSModulePath: 'x' }, windows('cmd.exe')), 'cmd')
  t.equal(await detect({ PSModulePath: 'x' }, windows('pwsh.exe')), 'pwsh')
  t.equal(await detect({}, windows()), 'cmd')
  t.equal(await detect({ PSModulePath: 'x' }, windows('node.exe')), 'powershell')
  t.equal(await detect({ PSModulePath: 'x', PROMPT: '$P$G' }, windows('node.exe')), 'cmd')
  t.equal(firstProgram('"powershell.exe","1234","Console","1","80,000 K"\r\n'), 'powershell.exe')
  t.equal(firstProgram('INFO: No tasks are running which match the specified criteria.\r\n'), undefined)
})

t.test('the hint repeats the command line so that it can be typed again', async (t) => {
  t.equal(commandLine(['tsmachine', 'env', 'web']), 'tsmachine env web')
  t.equal(commandLine(['/a b/tsmachine', 'env']), '"/a b/tsmachine" env')
  t.equal(commandLine(['C:\\dm.exe', '-s', '$x `y`']), '"C:\\dm.exe" -s \'$x `y`\'')
  t.equal(commandLine(['tsmachine', '-s', "it's"]), "tsmachine -s 'it'\\''s'")
  t.equal(commandLine(['tsmachine', '-s', 'a\nrm -rf x']), undefined)
  const hidden = renderEnv('bash', { ...script, commandLine: undefined })
  t.equal(hidden, 'export DOCKER_HOST="tcp://192.0.2.1:2376"\n', 'a comment that would end is left out')
  t.match(
    renderEnv('emacs', { ...script, commandLine: commandLine(['/a b/tsmachine', 'env']) }),
    '(shell-command "\\"/a b/tsmachine\\" env" (current-buffer))',
  )
})
