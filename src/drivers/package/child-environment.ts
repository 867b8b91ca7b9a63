type Environment = Readonly<Record<string, string | undefined>>

/**
 * What a driver's process is given of our environment: where programs, files and the network are. Settings and secrets
 * come to it in its config alone, resolved by us; a variable of another driver never gets there.
 */
const KEPT: readonly string[] = [
  ...['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'TMP', 'TEMP', 'SystemRoot', 'USERPROFILE'],
  ...[
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'ALL_PROXY',
    'NO_PROXY',
    'http_proxy',
    'https_proxy',
    'all_proxy',
    'no_proxy',
  ],
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
]

export function childEnvironment(env: Environment): Readonly<Record<string, string>> {
  return onlyThese(env, KEPT)
}

/** The variables of these names that are set. */
export function onlyThese(env: Environment, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const])),
  )
}
