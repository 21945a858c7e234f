import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

/** Answers what is no HTTP request, and ends its connection. No route, hook or other handler sees it. */
export function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, sentence] = answerTo(error.code)
  const body = JSON.stringify({ error: sentence })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${body.length}`,
    'connection: close',
    'cache-control: no-store',
    'x-content-type-options: nosniff',
  ]
  if (socket.writable) socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
  else socket.destroy()
}

function answerTo(code: string | undefined): readonly [number, string] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'The request did not come to its end in time.']
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'The headers of the request are too large.']
  return [400, 'This is no HTTP request that the server understands.']
}
