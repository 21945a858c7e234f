/**
 * Asks with a time limit, and never twice at once: who comes while it is asked shares the answer, and the limit
 * counts from when it was asked. A question that hangs is so not piled up by those who ask again, and they do not
 * wait for it. Undefined where the limit passed first.
 */
export function limited<Answer>(
  ask: () => Promise<Answer>,
  limitMs: number,
): () => Promise<Answer | undefined> {
  let asked: { readonly until: number; readonly answer: Promise<Answer> } | undefined
  const begin = () => {
    const answer = ask().finally(() => {
      asked = undefined
    })
    return { until: performance.now() + limitMs, answer }
  }
  return async () => {
    asked ??= begin()
    const { until, answer } = asked
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<undefined>(resolve => {
      timer = setTimeout(() => resolve(undefined), until - performance.now())
    })
    try {
      return await Promise.race([answer, limit])
    } finally {
      clearTimeout(timer)
    }
  }
}
