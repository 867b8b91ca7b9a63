/** Ends of the names under which secrets are kept in clear, lower case, without separators. */
const SECRET_ENDINGS = [
  'password',
  'passwd',
  'pass',
  'secret',
  'secretkey',
  'token',
  'apikey',
  'privatekey',
  'credential',
  'credentials',
  'passphrase',
  'consumerkey',
  'keymaterial',
  'kubeconfig',
]

/** Whether a field, flag or variable of this name is likely to hold a secret. */
export function looksSecret(name: string): boolean {
  const plain = name.toLowerCase().replace(/[-_]/g, '')
  return SECRET_ENDINGS.some((ending) => plain.endsWith(ending))
}
