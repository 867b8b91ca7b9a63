/** One side of `scp` or `mount` as the user wrote it. Without a machine the path is this computer's. */
export interface Side {
  readonly machine?: string
  readonly user?: string
  readonly path: string
}

/**
 * Reads `[[USER@]MACHINE:]PATH`. As in scp a colon after a slash belongs to the path, as does one at the beginning;
 * so does that of a Windows drive.
 */
export function parseSide(text: string, platform: NodeJS.Platform = process.platform): Side {
  const [, place, path] = /^([^:/]+):([^]*)$/.exec(text) ?? []
  if (place === undefined || path === undefined || isDrive(text, platform)) return { path: text }
  const at = place.lastIndexOf('@')
  const machine = place.slice(at + 1)
  if (machine === 'localhost') return { path }
  return { machine, path, ...(at > 0 ? { user: place.slice(0, at) } : {}) }
}

/** `C:\x` is no name of a machine anywhere; on Windows one letter never is. */
function isDrive(text: string, platform: NodeJS.Platform): boolean {
  return (platform === 'win32' ? /^[a-z]:/i : /^[a-z]:\\/i).test(text)
}
