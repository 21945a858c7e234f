import { IncomingWebhook, IncomingWebhookHTTPError, type IncomingWebhookSendArguments } from '@slack/webhook'

export type SlackMessage = Readonly<Pick<IncomingWebhookSendArguments, 'attachments'>> & {
  /** What a phone shows, and the first line everywhere else. */
  readonly text: string
}

/** How a message fared. The sentence is for a person or a log: it never holds the webhook's URL, a secret. */
export type SlackOutcome = { readonly result: 'ok' | 'error'; readonly sentence: string }

export type Attempt = {
  readonly outcome: SlackOutcome
  /** Whether Slack may take the same message later. */
  readonly mayPass: boolean
  /** Milliseconds that Slack asks to wait; missing where it asks for nothing. */
  readonly waitMs?: number
}

type AttemptOptions = {
  readonly url: string
  readonly timeoutMs: number
  /** Aborted when the process wants to end: the attempt then ends at once. */
  readonly signal: AbortSignal
}

/**
 * Sends a message once. Never throws. Sentences are made here and not taken from errors, because those may
 * quote the URL, and so may the page with which a proxy answers.
 */
export async function attempt(message: SlackMessage, options: AttemptOptions): Promise<Attempt> {
  const { url, timeoutMs, signal } = options
  const stop = new AbortController()
  const abort = () => stop.abort()
  // A timer of our own is cleared after the answer, and nothing of it keeps the process.
  const timer = setTimeout(abort, timeoutMs)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  let retryAfter: string | null = null
  const webhook = new IncomingWebhook(url, {
    // The library's error hides the header that says when to try again.
    fetch: async (to, init) => {
      const response = await fetch(to, { ...init, signal: stop.signal })
      retryAfter = response.headers.get('retry-after')
      return response
    },
  })
  try {
    const { text } = await webhook.send({ ...message })
    return text.trimStart().startsWith('<')
      ? refused('It answered with a web page, which Slack never does.')
      : taken
  } catch (error) {
    if (signal.aborted) return ended
    if (stop.signal.aborted)
      return away(`Slack did not answer within ${timeoutMs / 1000} s. ${networkAdvice}`)
    if (error instanceof IncomingWebhookHTTPError) return answered(error, retryAfter)
    return away(`Slack cannot be reached${inBrackets(causeOf(error))}. ${networkAdvice}`)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

const taken: Attempt = { outcome: { result: 'ok', sentence: 'Slack took the message.' }, mayPass: false }
const ended: Attempt = {
  outcome: { result: 'error', sentence: 'The process ended before Slack took the message.' },
  mayPass: false,
}
const networkAdvice = 'Check the network from here to it, and SLACK_WEBHOOK_URL.'

/** What mends each refusal; Slack's own words for it stand before. */
const adviceFor: Readonly<Record<number, string>> = {
  400: 'It does not accept what was sent; please report it.',
  403: 'The webhook may not post: ask an administrator of the workspace, or make a new one.',
  404: 'The webhook was revoked or is mistyped: make a new one and set SLACK_WEBHOOK_URL to it.',
  410: 'The channel is archived: make a webhook for another one and set SLACK_WEBHOOK_URL to it.',
}

function answered(error: IncomingWebhookHTTPError, retryAfter: string | null): Attempt {
  const { statusCode, body } = error
  if (statusCode === 429) {
    const seconds = secondsOf(retryAfter)
    const until = seconds === undefined ? 'later' : `in ${seconds} s`
    return {
      ...away(`Slack takes no more messages for now (429). Try again ${until}.`),
      ...(seconds !== undefined && { waitMs: seconds * 1000 }),
    }
  }
  if (statusCode >= 500) return away(`Slack answered ${statusCode}, an error of its own. Try again later.`)
  // Slack's codes are such words; anything else is somebody else's page.
  const word = /^[a-z_]{1,60}$/.test(body.trim()) ? ` ${body.trim()}` : ''
  return refused(
    `Slack refused the message (${statusCode}${word}). ${adviceFor[statusCode] ?? 'Check SLACK_WEBHOOK_URL.'}`,
  )
}

/** Slack sends whole seconds; a proxy may send a date, which is then as good as nothing. */
function secondsOf(retryAfter: string | null): number | undefined {
  return retryAfter !== null && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : undefined
}

function away(sentence: string): Attempt {
  return { outcome: { result: 'error', sentence }, mayPass: true }
}

function refused(sentence: string): Attempt {
  return { outcome: { result: 'error', sentence }, mayPass: false }
}

/** The system's code of what lies beneath an error, such as ECONNREFUSED; undefined where there is none. */
function causeOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = 'code' in cause ? String(cause.code) : ''
    if (/^[A-Z][A-Z0-9_]+$/.test(code)) return code
  }
  return undefined
}

function inBrackets(text: string | undefined): string {
  return text === undefined ? '' : ` (${text})`
}
