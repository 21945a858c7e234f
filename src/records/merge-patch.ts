import { isObject, type JsonObject, sameJson, setMember } from './json.ts'

/**
 * The JSON Merge Patch (RFC 7396) that turns `from` into `to`; empty when they are equal. A patch says "remove"
 * by null, so `to` must not hold a null as a member of an object: see `holdsNullMember`. In `from` a member
 * that is null or undefined counts as absent.
 */
export function patchBetween(from: JsonObject, to: JsonObject): Record<string, unknown> {
  const patch: Record<string, unknown> = {}
  for (const key of Object.keys(to)) {
    const before = Object.hasOwn(from, key) ? from[key] : undefined
    const after = to[key]
    if (isObject(before) && isObject(after)) {
      const inner = patchBetween(before, after)
      if (Object.keys(inner).length > 0) setMember(patch, key, inner)
    } else if (!sameJson(before, after)) {
      setMember(patch, key, after)
    }
  }
  for (const key of Object.keys(from)) {
    if (from[key] !== null && from[key] !== undefined && !Object.hasOwn(to, key)) setMember(patch, key, null)
  }
  return patch
}

/**
 * Applies a patch. Members of `target` that are null or undefined count as absent, as in `patchBetween`.
 * Neither argument is changed; the result may share parts with both.
 */
export function applyPatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(isObject(target) ? target : {})) {
    if (Object.hasOwn(patch, key)) continue
    // An empty patch leaves the member as it is, but for what counts as absent.
    if (member !== null && member !== undefined) {
      setMember(result, key, isObject(member) ? applyPatch(member, {}) : member)
    }
  }
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) continue
    const before = isObject(target) && Object.hasOwn(target, key) ? target[key] : undefined
    setMember(result, key, applyPatch(before, change))
  }
  return result
}

/** True when an object in `value` has a null member. Lists are replaced as a whole, so what is in them may be null. */
export function holdsNullMember(value: unknown): boolean {
  if (!isObject(value)) return false
  return Object.values(value).some(member => member === null || holdsNullMember(member))
}
