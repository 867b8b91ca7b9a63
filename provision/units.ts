/** Reading systemd's own texts. */

/** Properties that facts.sh asks `systemctl show` for. */
export interface UnitState {
  readonly LoadState: string
  readonly ActiveState: string
  readonly UnitFileState: string
}

/** `systemctl show UNIT...`: blocks of KEY=VALUE lines with a blank line between them, by unit name. */
export function parseUnits(text: string): Readonly<Record<string, UnitState>> {
  const units = new Map<string, UnitState>()
  for (const block of text.split(/\n{2,}/)) {
    const values = new Map(block.split('\n').map((line) => split(line)))
    const id = values.get('Id')
    if (id)
      units.set(id, {
        LoadState: values.get('LoadState') ?? '',
        ActiveState: values.get('ActiveState') ?? '',
        UnitFileState: values.get('UnitFileState') ?? '',
      })
  }
  return Object.fromEntries(units)
}

function split(line: string): [string, string] {
  const at = line.indexOf('=')
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)]
}

/**
 * The command line that a unit and its drop-ins (in systemd's order) end up with, as it is written there. An empty
 * `ExecStart=` clears what came before; a backslash joins lines; only [Service] counts.
 */
export function ownExecStart(text: string): string | undefined {
  let inService = false
  let command: string | undefined
  for (const line of joined(text)) {
    const section = /^\[([^\]]*)\]$/.exec(line)
    if (section) inService = section[1] === 'Service'
    const match = inService ? /^ExecStart\s*=([^]*)$/.exec(line) : undefined
    const said = match?.[1]?.trim()
    if (said !== undefined) command = said === '' ? undefined : (command ?? said)
  }
  return command
}

/** Lines without blanks around them; one that ends in a backslash goes on in the next. */
function joined(text: string): readonly string[] {
  const lines: string[] = []
  let open = false
  for (const each of text.split('\n')) {
    const goesOn = each.endsWith('\\')
    const part = (goesOn ? each.slice(0, -1) : each).trim()
    if (open) lines.push([lines.pop() ?? '', part].filter(Boolean).join(' '))
    else lines.push(part)
    open = goesOn
  }
  return lines
}

const HOST_FLAG = /(?:^|\s)(?:--host[=\s]\s*|-H[=\s]?\s*)"?([^\s"]+)/g

/** Addresses that a dockerd command line listens on (`-H fd://`, `--host=tcp://...`). */
export function hostFlags(command: string): string[] {
  return [...command.matchAll(HOST_FLAG)].map((match) => match[1] ?? '')
}

/** Names of the long flags of a dockerd command line. */
export function longFlags(command: string): string[] {
  return [...command.matchAll(/(?:^|\s)--([a-z][a-z0-9-]*)/g)].map((match) => match[1] ?? '')
}
