import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/**
 * Memory, processor, event loop and garbage collection of this process, by the names that every Node dashboard
 * knows. In a registry of their own: some of these names break the naming rules that ours are checked against.
 */
export function processMetrics(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}

/** The only name that server and workers share. */
export function addBuildInfo(registry: Registry, version: string): void {
  const info = new Gauge({
    name: 'skydrain_build_info',
    help: 'Always 1; its labels say which versions run.',
    labelNames: ['version', 'node_version'] as const,
    registers: [registry],
  })
  info.set({ version, node_version: process.version }, 1)
}

/** The text of several registries as one, each of which ends with a line's end. */
export async function textOf(registries: readonly Registry[]): Promise<string> {
  const texts = await Promise.all(registries.map(registry => registry.metrics()))
  return texts.join('\n')
}
