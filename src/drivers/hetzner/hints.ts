/** What helps against Hetzner's errors, by its codes (API reference, "Errors"). */
const HINTS: Readonly<Record<string, readonly string[]>> = {
  unauthorized: [
    'The token is mistyped or was deleted. Make one in the Cloud Console (project > Security > API tokens) and give it with HETZNER_API_TOKEN.',
  ],
  token_readonly: [
    'The token may only read. Make one with the permission "Read & Write" in the Cloud Console (project > Security > API tokens).',
  ],
  forbidden: ['The token does not belong to the project that this is part of, or the project is locked.'],
  resource_limit_exceeded: [
    'The limit of the account is reached: remove what is not needed (tsmachine gc --driver hetzner --dry-run), or ask for more in the Cloud Console (Limits).',
  ],
  uniqueness_error: ['Something of that name (or that key) is in the project already.'],
  protected: ['It is protected against deletion: take the protection off in the Cloud Console first.'],
  maintenance: ['Hetzner is working on it. Try again later.'],
  unavailable: ['Hetzner has switched this off for the moment. Try again later.'],
}

export function hintsFor(code: string | undefined): readonly string[] {
  return (code !== undefined && Object.hasOwn(HINTS, code) ? HINTS[code] : undefined) ?? []
}
