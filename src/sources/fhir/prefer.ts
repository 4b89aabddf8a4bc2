/** What a `Prefer` header asks for (RFC 7240; R4 http.html): unknown preferences and values are left aside, the first of two counts. */
export type Preferences = {
  readonly return?: 'minimal' | 'representation' | 'OperationOutcome'
  readonly handling?: 'strict' | 'lenient'
  readonly isAsync: boolean
}

export function preferences(header: string | undefined): Preferences {
  const asked = new Map<string, string>()
  for (const part of (header ?? '').split(/[,;]/)) {
    const [name = '', value = ''] = part.split('=', 2)
    const key = name.trim().toLowerCase()
    if (key !== '' && !asked.has(key)) asked.set(key, value.trim().replace(/^"|"$/g, ''))
  }
  const wanted = (['minimal', 'representation', 'OperationOutcome'] as const).find(one => one === asked.get('return'))
  const handling = (['strict', 'lenient'] as const).find(one => one === asked.get('handling'))
  return {
    ...(wanted ? { return: wanted } : {}),
    ...(handling ? { handling } : {}),
    isAsync: asked.has('respond-async'),
  }
}
