import { OperatingError } from '../engine/errors.ts'

/** What it means that the system does not let this process listen there; anything else comes back as it is. */
export function listenError(
  error: unknown,
  { host, port, portSetBy }: { readonly host: string; readonly port: number; readonly portSetBy: string },
): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'EADDRINUSE':
      return new OperatingError(
        'port-in-use',
        `Port ${port} on ${host} is in use. Stop what uses it, or choose another with ${portSetBy}.`,
        { cause: error },
      )
    case 'EACCES':
      return new OperatingError(
        'cannot-listen',
        `Port ${port} on ${host} is refused to this user (EACCES). Choose one above 1023 with ${portSetBy}.`,
        { cause: error },
      )
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EAI_AGAIN':
    case 'EINVAL':
    case 'ENOTFOUND':
      return new OperatingError(
        'cannot-listen',
        `HOST is '${host}', which is no address of this machine (${code}). Set it to one, such as 127.0.0.1.`,
        { cause: error },
      )
  }
  return error
}
