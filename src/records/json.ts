/** An object as JSON.parse gives it. Its members can be anything, so each is checked where it is read. */
export type JsonObject = { readonly [key: string]: unknown }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value where it is a list, else an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/**
 * The value where it is a string that UTF-8 can hold, else null. A lone surrogate cannot be written to a
 * Parquet string; inside JSON it survives as an escape.
 */
export function stringOf(value: unknown): string | null {
  return typeof value === 'string' && isWellFormed(value) ? value : null
}

export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

/**
 * Sets a member as JSON.parse does. A plain assignment to `__proto__` would change the object's prototype
 * instead of adding a member.
 */
export function setMember(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
  } else {
    object[key] = value
  }
}

/** The object without its members that are null or undefined; other levels are left as they are. */
export function withoutNulls(object: JsonObject): JsonObject {
  const kept: Record<string, unknown> = {}
  for (const key of Object.keys(object)) {
    const value = object[key]
    if (value !== null && value !== undefined) setMember(kept, key, value)
  }
  return kept
}

/** True when both are the same JSON value; the order of an object's keys does not count. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]))
  }
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every(key => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
  )
}

/** True when objects and lists are nested in more than `levels` levels. Looks no deeper than that. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (isDeeperThan(member, levels - 1)) return true
  }
  return false
}
