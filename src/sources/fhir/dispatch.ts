import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Dispatch } from './bundle.ts'
import type { FhirAnswer, FhirCall, Interact, TypeHandlers } from './call.ts'
import type { FhirDeps } from './door.ts'
import { create, update } from './ingest.ts'
import { unlessHeld } from './not-modified.ts'
import { isOffered } from './offered.ts'
import { history, read, search } from './reads.ts'
import { shaped, shapeOf } from './shape.ts'
import { isResourceType } from './validate.ts'

export type Interaction = 'create' | 'update' | 'read' | 'vread' | 'search' | 'history'

/** Interaction → who answers it, by type: our own twelve and their companions, and what other modules brought. */
export function handlersFor(type: string, deps: FhirDeps): TypeHandlers {
  const own = isOffered(type) ? ownHandlers(deps) : undefined
  const theirs = deps.typeHandlers.get(type)
  if (!own || !theirs) return own ?? theirs ?? {}
  return {
    ...own,
    ...theirs,
    // A type both serve (EpisodeOfCare: sent by an FLS, and assembled by us): the sender's own content first.
    ...bothOf('read', own, theirs),
    ...bothOf('vread', own, theirs),
    ...bothOf('history', own, theirs),
  }
}

function ownHandlers(deps: FhirDeps): TypeHandlers {
  return {
    create: call => create(call, deps),
    update: call => update(call, deps),
    read: call => read(call, deps),
    vread: call => read(call, deps),
    search: call => search(call, deps),
    history: call => history(call, deps),
  }
}

function bothOf(name: 'read' | 'vread' | 'history', own: TypeHandlers, theirs: TypeHandlers): Partial<TypeHandlers> {
  const mine = own[name]
  const other = theirs[name]
  if (!mine || !other) return {}
  const first: Interact = async call => {
    if (call.principal.feeds.length === 0) return other(call)
    try {
      return await mine(call)
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return other(call)
      throw error
    }
  }
  return { [name]: first }
}

/**
 * Who answers an interaction on a type. 404 for a name that is no R4 type, 405 for a type or interaction not offered.
 * Inside a Bundle every R4 type may be written: kept, and told that it is not used.
 */
export function interactionOf(name: Interaction, type: string, deps: FhirDeps, isInBundle = false): Interact {
  if (!isResourceType(type)) throw new Refusal(404, [issue('resource-type-unknown', 'address')])
  const found = handlersFor(type, deps)[name]
  if (found) return name === 'create' || name === 'update' ? found : asRead(found)
  if (isInBundle && !deps.typeHandlers.has(type)) {
    if (name === 'create') return call => create(call, deps)
    if (name === 'update') return call => update(call, deps)
  }
  throw new Refusal(405, [issue('interaction-not-supported', type, { hint: name })])
}

/** A resource as the caller may read it; undefined when there is none for them. */
export async function readIfVisible(call: FhirCall, deps: FhirDeps): Promise<FhirAnswer | undefined> {
  try {
    return await handlersFor(call.type, deps).read?.(call)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

/** Every read, alone or in a Bundle: only when the caller does not hold it already, in the shape asked for. */
function asRead(interact: Interact): Interact {
  return async call => {
    const shape = shapeOf(call)
    return shaped(unlessHeld(await interact(call), call.headers), shape)
  }
}

/** Entries of a Bundle find their interaction as requests by themselves do. */
export function bundleDispatch(deps: FhirDeps): Dispatch {
  return (method, call) => interactionOf(interactionNamed(method, call), call.type, deps, true)
}

function interactionNamed(method: string, call: FhirCall): Interaction {
  if (method === 'POST') return 'create'
  if (method === 'PUT') return 'update'
  if (call.version !== undefined) return 'vread'
  return call.id === undefined || call.id === '_search' ? 'search' : 'read'
}
